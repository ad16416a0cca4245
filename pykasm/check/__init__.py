"""The checker: dataflow analyses of the finished code, and the rules that are built on them.

The code is analysed as an optimising compiler would do it, but to prove instead of to improve: the
bytes of each instruction are decoded (`effects`), so that nothing rests on what the language
believes that it emitted. What the language adds is what bytes do not tell: roles of registers,
types, locks and contexts that functions state. A function, here, is any routine: interrupt handlers
and stubs too.

Within a function, over its control flow graph (`graph`):

- `registerflow` (with `state` and `frameflow`) is forward: what registers, flags and the stack hold
  on every path. Its states form a lattice; where paths meet they are joined, and what they disagree
  on is unknown. A register without a value on *some* path is a fault, one of which nothing is known
  is none: rules report what they can prove.
- `dataflow` is a forward may-analysis with sets as facts: where addresses (`addressflow`, for
  `guards` and the rules on memory) and copies of per-CPU variables (`percpu`) may have come from.
- `ranges` is forward, with intervals: between which numbers each register lies. It learns from
  branches, and is widened in loops.
- `localflow` is a forward must-analysis with sets of bytes: what of the locals is written.
- `lockstate` is the state of a forward analysis with a may-set and a must-set: locks that are held
  on some path and on all, and the interrupt flag.
- `liveness` is backward: what is still read on some path from here on.
- `constants` and `gsflow` are path-sensitive, for the few paths of entry code.

Each is solved by a worklist, in the order of the code or of its basic blocks, until no state
changes. States only go up in a lattice of finite height, so it ends.

Over the whole build (`programanalysis`):

- `localsummary` is what a function does by itself; `functionsummary` adds its calls, of which those
  through pointers are resolved by type (`indirectcalls`); `callgraph` connects them.
- `lockflow` solves functions bottom-up, in post-order of the call graph, as the effect of a callee
  on locks and interrupts is part of its callers' states. In a cycle of calls it repeats until no
  effect grows. `clobbers` does so for the registers that contracts promise to leave alone.
- `locks` goes top-down for the locks that all callers hold, and searches against the calls for what
  takes a lock; `lockorder` finds cycles in the order of locks. `contexts` searches in the same way
  for what sleeps and for where interrupts are on.
- `depths` (with `stackuse` and `stacks`) is the longest path over the call graph, bottom-up over
  its strongly connected components.

`rule` is the catalogue; `rules` has a module for each family, `examples` the broken and the mended
example of each rule. `checker` applies them to a `build` and leaves out what the code allows
(`allowances`); `causes` tells which findings follow from one fault. `cache` keeps, between builds,
the results for functions whose key (`cachekey`) is the same; what holds across calls is computed
anew each time.
"""
