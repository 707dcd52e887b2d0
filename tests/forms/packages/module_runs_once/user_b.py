import counter
