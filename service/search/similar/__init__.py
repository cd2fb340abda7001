"""Claims that may say the same as another."""
