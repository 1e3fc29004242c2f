"""The controller of the workers, and from samples to statistics.

| word | here | as metrics, stored samples and reports of schema 1 call it |
|---|---|---|
| block | consecutive calls of one contender between two stops | epoch |
| replicate | one process of each contender, timed in turns | pair |
| loops | calls in one sample, where a call is too short to be timed alone | inner |
| discarded | samples at the start of a block, which follow a stop | skip, resume |
| reference load | two fixed pieces of work that tell how fast the machine is | canary |
| stability | how steady each process ran | course |
"""
