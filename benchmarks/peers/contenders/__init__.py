"""The contenders, in the order of the tables: we, what nobody can beat, and the graders that people use."""

from benchmarks.peers.contenders.base import Contender, Handin, Lanes, Place, Standing
from benchmarks.peers.contenders.nbgrader import Nbgrader
from benchmarks.peers.contenders.otter import Otter
from benchmarks.peers.contenders.ours import Ours
from benchmarks.peers.contenders.scripts import Bare, Check50, Gradescope, PlainPytest, Warm

OURS = Ours()
BARE = (Warm(), Bare())
PEERS = (Gradescope(), PlainPytest(), Check50(), Nbgrader(), Otter())
ALL: tuple[Contender, ...] = (OURS, *BARE, *PEERS)

__all__ = ["ALL", "BARE", "OURS", "PEERS", "Contender", "Handin", "Lanes", "Place", "Standing"]
