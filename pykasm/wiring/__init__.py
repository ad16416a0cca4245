"""The parts of an image: each made once, and given to the others by the types of constructors.

`Contents` names the classes, `Parts` makes their objects, `Steps` puts what they do in order.
"""

from pykasm.wiring.contents import Contents
from pykasm.wiring.parts import Parts
from pykasm.wiring.steps import Steps

__all__ = ["Contents", "Parts", "Steps"]
