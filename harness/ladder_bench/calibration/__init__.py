"""Calibration: people label a random part of what judges judged; what they say shows how far judges can be believed.

`sheets` draws a label sheet, `labels` reads what people filled in, `calibrate` compares both and corrects.
"""
