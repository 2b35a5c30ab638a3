def family(reading):
    return None
