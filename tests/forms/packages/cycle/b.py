import a

ALPHA = a.R
