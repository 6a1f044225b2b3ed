"""Grading: transcripts become verdicts."""
