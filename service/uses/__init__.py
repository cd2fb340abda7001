"""Uses: who printed what of which claim, and whether they have seen to it since."""
