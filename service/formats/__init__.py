"""Pure renderers: from the domain's shapes to what is served."""
