"""What readers and machines elsewhere get: feeds, ClaimReview, badges, embeds."""
