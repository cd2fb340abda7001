"""What operators do: backups, clocks, epochs, and the checks of `claimdesk doctor`."""
