import getpass
import logging
import multiprocessing
import os
import pathlib
import pickle
import platform
import random
import socket
import sqlite3
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

print("user:", getpass.getuser())
print("home:", pathlib.Path.home().is_dir(), os.path.expanduser("~") == str(pathlib.Path.home()))
print("processors:", os.cpu_count() > 0, multiprocessing.cpu_count() > 0, torch.get_num_threads() > 0)
print("host:", bool(socket.gethostname()), bool(platform.platform()), sys.platform)
print("seeds:", random.SystemRandom().random() < 1, len(os.urandom(8)))
with ThreadPoolExecutor(2) as executor:
    print("threads:", list(executor.map(lambda number: number**2, (1, 2, 3))))

torch.save({"w": torch.full((1,), 2.0)}, "checkpoint.pt")
print("saved:", torch.load("checkpoint.pt")["w"].item())
np.savez("numbers.npz", a=np.arange(3))
pathlib.Path("figures").mkdir()
pathlib.Path("figures/history.pkl").write_bytes(pickle.dumps([1, 2]))
with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w", dir=folder) as file:
    file.write("x")
logging.basicConfig(filename="training.log", level=logging.INFO)
logging.info("epoch 1")
print("logged:", "epoch 1" in pathlib.Path("training.log").read_text())

database = sqlite3.connect(":memory:")
database.execute("create table runs (epoch)")
database.execute("insert into runs values (1)")
print("rows:", database.execute("select * from runs").fetchall())
