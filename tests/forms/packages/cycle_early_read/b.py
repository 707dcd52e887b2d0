import a

SEEN = a.R
