SEEN = []
SEEN.append(1)
