"""HTTP shared by the API and the desk: problems, callers, conditions, limits, logs."""
