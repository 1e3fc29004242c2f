"""Ends in the way that its first argument names, after it has called a model when there is a second one."""

import os
import signal
import subprocess
import sys
import threading
import time

way = sys.argv[1]
if len(sys.argv) > 2:
    import torch

    model = torch.nn.Linear(3, 2)
    model.lock = threading.Lock() if way == "unpicklable" else None
    model(torch.ones(1, 3))

if way == "raises":
    {}["missing\nkey"]
elif way == "exits":
    sys.exit(3)
elif way == "exits well":
    sys.exit()
elif way == "leaves":
    os._exit(0)
elif way == "segfaults":
    import ctypes

    ctypes.string_at(0)
elif way == "signals":
    os.kill(os.getpid(), signal.SIGRTMIN + 6)
elif way == "hangs":
    subprocess.Popen(["sleep", "300.125"], start_new_session=True)
    time.sleep(300)
elif way == "thread hangs":
    threading.Thread(target=time.sleep, args=(300,)).start()
elif way == "daemon":
    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
    subprocess.Popen(["sleep", "299.125"], start_new_session=True)
elif way == "reads":
    input("a number: ")
elif way == "recurses":
    (lambda again: again(again))(lambda again: again(again))
elif way == "replaces":
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    os.closerange(0, 100)
    model(torch.ones(1, 3))
elif way == "moves":
    os.makedirs("made")
    with open("beside.txt", "a") as file:
        file.write("more")
    os.chdir("made")
    with open("inside.txt", "w") as file:
        file.write("new")
    model(torch.ones(2, 3))
elif way == "floods":
    for _ in range(3000):
        print("x" * 999)
    print("the end")
elif way == "forks":
    if os.fork() == 0:
        model(torch.ones(9, 3))
        os._exit(0)
    os.wait()
    model(torch.ones(4, 3))
elif way == "many shapes":
    for n in range(1, 40):
        model(torch.ones(n, 3))
    for model in (torch.nn.Linear(3, 2, bias=False) for _ in range(30)):
        model(torch.ones(1, 3))
elif way == "fails inside":
    model(torch.ones(1, 4))
elif way == "tells names":
    import pickle

    class Mine(torch.nn.Linear):
        pass

    assert pickle.loads(pickle.dumps(Mine(1, 1))).weight.shape == (1, 1)
    assert __name__ == "__main__" and __file__ == sys.argv[0] and sys.path[0] == os.path.dirname(__file__)
    print(os.getcwd(), sys.argv[1:])
