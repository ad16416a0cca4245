# ascii
ascii | head -5
