"""A pipelined client for memcached's text protocol: many connections, batches of gets and
sets. Checks every answer; prints how many there were and how many a second.

usage: memcached_load.py SOCKET CONNECTIONS SECONDS
"""

import multiprocessing
import socket
import sys
import time

BATCH = 400
KEYS = 2000


def value(key):
    """What a key has."""
    return f"value-of-{key}-" + "x" * (key % 90)


def batch(number):
    """Requests, and what memcached must say."""
    requests, answers = [], []
    for index in range(BATCH):
        key = (number * 7919 + index * 104729) % KEYS
        text = value(key)
        if index % 10 == 0:
            requests.append(f"set k{key} 0 0 {len(text)}\r\n{text}\r\n")
            answers.append("STORED\r\n")
        else:
            requests.append(f"get k{key}\r\n")
            answers.append(f"VALUE k{key} 0 {len(text)}\r\n{text}\r\nEND\r\n")
    return "".join(requests).encode(), "".join(answers).encode()


def talk(connection, request, answer):
    """Sends a batch and reads all of its answers."""
    connection.sendall(request)
    got = bytearray()
    while len(got) < len(answer):
        piece = connection.recv(1 << 16)
        if not piece:
            raise SystemExit("memcached hung up")
        got += piece
    if bytes(got) != answer:
        raise SystemExit("memcached gave a wrong answer")


def client(path, number, connections, seconds, results):
    """Several connections, one batch after the other."""
    batches = [batch(index + number) for index in range(16)]
    sockets = []
    for _ in range(connections):
        one = socket.socket(socket.AF_UNIX)
        one.connect(path)
        sockets.append(one)
    done, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        request, answer = batches[done // BATCH % 16]
        # All connections at once: so its threads work at the same time.
        for one in sockets:
            one.sendall(request)
        for one in sockets:
            got = 0
            parts = []
            while got < len(answer):
                piece = one.recv(1 << 16)
                if not piece:
                    raise SystemExit("memcached hung up")
                got += len(piece)
                parts.append(piece)
            if b"".join(parts) != answer:
                raise SystemExit("memcached gave a wrong answer")
        done += BATCH * connections
    results.put(done)


def main():
    path, connections, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    first = socket.socket(socket.AF_UNIX)
    first.connect(path)
    for key in range(KEYS):
        text = value(key)
        talk(first, f"set k{key} 0 0 {len(text)}\r\n{text}\r\n".encode(), b"STORED\r\n")
    results = multiprocessing.Queue()
    clients = 2
    began = time.monotonic()
    processes = [
        multiprocessing.Process(
            target=client, args=(path, number, connections // clients, seconds, results)
        )
        for number in range(clients)
    ]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
        if one.exitcode:
            raise SystemExit(one.exitcode)
    total = sum(results.get() for _ in processes)
    print(f"{total} answers, {total / (time.monotonic() - began):.0f} a second")


if __name__ == "__main__":
    main()
