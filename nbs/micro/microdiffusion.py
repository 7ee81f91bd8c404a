"""A diffusion model from nothing: plain Python learns handwritten digits and draws new ones.

    python microdiffusion.py        # a minute or two; beside it lies digits.csv.gz
    python microdiffusion.py 3000   # a tenth of the training: digits that are hard to read
"""
import gzip
import random
import sys
from math import cos, pi, sin, sqrt
from operator import mul

random.seed(0)

# 1. Data and noise

def load(file="digits.csv.gz"):
    "1,797 pictures: 64 numbers from -1 (paper) to 1 (ink), and which digit it is."
    rows = [[int(number) for number in line.split(",")] for line in gzip.open(file, "rt")]
    return [([ink / 8 - 1 for ink in row[:64]], row[64]) for row in rows]

def text(pictures):
    "Pictures side by side, two characters a pixel."
    def shade(v): return 2 * " ░▓█"[max(0, min(3, int(2 * v + 2)))]
    def line(y): return "  ".join("".join(map(shade, p[8 * y:8 * y + 8])) for p in pictures)
    return "\n".join(line(y).rstrip() for y in range(8)) + "\n"

def gauss():
    return [random.gauss(0, 1) for _ in range(64)]

def mix(picture, noise, angle):
    return [cos(angle) * x + sin(angle) * e for x, e in zip(picture, noise)]

def velocity(picture, noise, angle):
    "How the mixture changes when the angle grows: its derivative."
    return [cos(angle) * e - sin(angle) * x for x, e in zip(picture, noise)]

def example(pictures):
    "A question for the network, and the right answer."
    (picture, digit), angle, noise = random.choice(pictures), pi / 2 * random.random(), gauss()
    return see(mix(picture, noise, angle), angle, digit), velocity(picture, noise, angle)

# 2. The network and its gradients

def see(noisy, angle, digit):
    "83 inputs: 64 pixels, which digit, eight waves of the angle, and a 1."
    waves = [wave(k * angle) for k in (1, 2, 3, 4) for wave in (sin, cos)]
    return noisy + [float(digit == d) for d in range(10)] + waves + [1.0]

first = [[random.gauss(0, 1) / sqrt(83) for _ in range(83)] for _ in range(96)]
second = [[0.0] * 97 for _ in range(64)]
sizes_first = [[0.0] * 83 for _ in range(96)]
sizes_second = [[0.0] * 97 for _ in range(64)]

def times(matrix, vector):
    return [sum(map(mul, row, vector)) for row in matrix]

def network(seen):
    "96 hidden units, which are 0 where they would be negative; then the guess, 64 numbers."
    hidden = [max(0.0, h) for h in times(first, seen)] + [1.0]
    return hidden, times(second, hidden)

def move(matrix, sizes, slopes, inputs, rate):
    "Each weight goes down its gradient, divided by how large that usually is."
    for row, size, slope in zip(matrix, sizes, slopes):
        for i, x in enumerate(inputs):
            gradient = slope * x
            size[i] += 0.01 * (gradient * gradient - size[i])
            row[i] -= rate * gradient / (sqrt(size[i]) + 1e-8)

def learn(seen, answer, rate):
    "One step of training; returns the mean squared error before it."
    hidden, guess = network(seen)
    error = [g - a for g, a in zip(guess, answer)]
    slopes = [2 * e / 64 for e in error]
    back = [sum(map(mul, column, slopes)) for column in zip(*second)]
    back = [b * (h > 0) for b, h in zip(back, hidden)]
    move(second, sizes_second, slopes, hidden, rate)
    move(first, sizes_first, back, seen, rate)
    return sum(e * e for e in error) / 64

def train(pictures, steps):
    total = 0.0
    for step in range(1, steps + 1):
        rate = 0.002 * min(step / 1000, 1 - step / steps)
        total += learn(*example(pictures), rate)
        if step % (steps // 5) == 0:
            print(f"step {step}: error {total / (steps // 5):.3f}", flush=True)
            total = 0.0

# 3. Drawing

def draw(digit, steps=30):
    "From noise to a digit: the angle goes from a right angle to 0, the guess says where to."
    noisy, turn = gauss(), pi / 2 / steps
    for step in range(steps):
        guess = network(see(noisy, pi / 2 - step * turn, digit))[1]
        noisy = [cos(turn) * z - sin(turn) * v for z, v in zip(noisy, guess)]
    return noisy

def held_out(pictures, n=1000):
    "The mean squared error on pictures that were not trained on."
    def error(seen, answer): return sum((g - a) ** 2 for g, a in zip(network(seen)[1], answer)) / 64
    return sum(error(*example(pictures)) for _ in range(n)) / n

def main(steps=30_000):
    pictures = load()
    print(f"error before training: {held_out(pictures[1500:]):.3f}")
    train(pictures[:1500], steps)
    print(f"error on held-out pictures: {held_out(pictures[1500:]):.3f}\n")
    for digits in range(5), range(5, 10):
        print(text([draw(digit) for digit in digits]))

if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
