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
    @function
    def run(self, file: Owned[Ptr[File]]) -> None:
        file.references.drop()


class Mended(Subsystem):
    def __init__(self) -> None:
        self.files = Files()

    @function
    def run(self, file: Owned[Ptr[File]]) -> None:
        with if_(file.references.drop()):
            self.files.free(file)


def image(subsystem: Broken | Mended) -> Image:
    others = [subsystem.files] if isinstance(subsystem, Mended) else []
    return Image(entry=subsystem.run, subsystems=[subsystem, *others])
