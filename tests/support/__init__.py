"""What tests and measurements share: real servers, not stand-ins."""
