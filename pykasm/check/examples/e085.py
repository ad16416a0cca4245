from pykasm import *
from pykasm.check.examples.references import ReferenceCount


class File(Struct):
    references: ReferenceCount = field(freed_by="Files.free")
    size: U64


class Files(Subsystem):
    spare = bss(Owned[Ptr[File]])

    @function
    def free(self, file: Owned[Ptr[File]]) -> None:
        mov(self.spare, file)


class Broken(Subsystem):
    def __init__(self) -> None:
        self.files = Files()

    @function
    def run(self, file: Ptr[File]) -> U64:
        size = keep(file.size)
        with if_(file.references.drop()):
            self.files.free(file)
        ret(size)


class Mended(Subsystem):
    def __init__(self) -> None:
        self.files = Files()

    @function
    def run(self, file: Owned[Ptr[File]]) -> U64:
        size = keep(file.size)
        with if_(file.references.drop()):
            self.files.free(file)
        ret(size)


def image(subsystem: Broken | Mended) -> Image:
    return Image(entry=subsystem.run, subsystems=[subsystem, subsystem.files])
