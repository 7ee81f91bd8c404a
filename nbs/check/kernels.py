"""Fork kernels of Jupyter from an interpreter that has imported PyTorch already.

    python kernels.py fork DOOR           imports, then forks a kernel for each who asks at the door
    python kernels.py ask DOOR OPTIONS    asks for one with these options, and stays as long as it does

Only Python's own modules are imported besides: the first runs where no tool of ours is installed.
"""
import json, os, signal, socket, sys, threading


def fork(place):
    del sys.path[0]  # the folder of this file
    for name in "ipykernel.kernelapp", "matplotlib.figure", "sklearn", "torch":
        try: __import__(name)
        except ImportError: pass
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    door = socket.socket(socket.AF_UNIX)
    door.bind(place)
    door.listen()
    while caller := door.accept()[0]:
        if os.fork(): caller.close()
        else: become(caller)


def become(caller):
    "Be the kernel that was asked for, until who asked has gone."
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked = json.loads(caller.makefile().readline())
    gone = lambda: caller.recv(1) or os.killpg(0, signal.SIGKILL)  # with all that a page started
    threading.Thread(target=gone, daemon=True).start()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    os.environ.pop("JPY_PARENT_PID", None)  # who asked is not the parent
    sys.argv = ["ipykernel_launcher", *asked["argv"]]
    try: sys.modules["ipykernel.kernelapp"].launch_new_instance()
    finally: os._exit(0)


def ask(place, *options):
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(place)
        asked = dict(argv=options, cwd=os.getcwd(), env=dict(os.environ))
        door.sendall(json.dumps(asked).encode() + b"\n")
        door.recv(1)


if __name__ == "__main__": {"fork": fork, "ask": ask}[sys.argv[1]](*sys.argv[2:])
