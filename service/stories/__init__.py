"""Stories: what is followed together, as a matrix of parties and as a timeline."""
