"""Write a picture with 256 colours, a third of the bytes: fewer_colours.py FROM TO (PNG files)."""

import sys

from PIL import Image


def main() -> None:
    with Image.open(sys.argv[1]) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(sys.argv[2], optimize=True)


if __name__ == "__main__":
    main()
