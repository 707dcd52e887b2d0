R = 16
if __name__ == "__main__":
    R = 64
