"""What every page has: rendering, forms, style and script."""
