def duoble(x):
    return 2 * x


class loss:
    def __init__(self, w, x):
        self.value = ((w * x) ** 2).mean()


async def labels(scores):
    return scores.argmax(dim=1)


def main():
    def decipher(text):
        return "".join(chr(ord(character) - 1) for character in text)

    print(decipher("ifmmp"))


class Counter:
    total = 0

    def add(self):
        self.total += 1


if __name__ == "__main__":
    main()
