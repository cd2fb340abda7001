"""What every account keeps to, whether API, pages or command line create it."""

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1000
LONGEST_EMAIL = 254
EMAIL = r"^[^@\s\x00]+@[^@\s\x00]+$"
LONGEST_NAME = 120
