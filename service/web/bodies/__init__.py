"""What is sent to change something, checked the same whether JSON or a form brought it."""
