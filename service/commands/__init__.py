"""Every change.  A command takes a connection first and everything else by keyword; it checks
access, asks the rulebook, and lets `ledger` write.  It never commits: `Database.write` does."""
