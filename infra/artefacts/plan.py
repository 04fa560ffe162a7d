"""What there is to build. Names, targets and budgets stand here and nowhere else."""

from dataclasses import dataclass

KILOBYTE = 1_000


@dataclass(frozen=True)
class Architecture:
    """An architecture of Lambda, by the name its documentation uses in file names."""

    name: str
    # Rust's name of the target.
    target: str
    # What an ELF file says it is for, as pyelftools spells it.
    machine: str
    # The dynamic loader of every runtime of that architecture.
    loader: str


@dataclass(frozen=True)
class Artefact:
    name: str
    package: str
    # What Cargo calls the program, and under which path it lies in the zip.
    binary: str
    path: str
    profile: str
    # Cargo features, beside no default ones.
    features: tuple
    # The most that the zip may weigh, in bytes.
    budget: int

    def zip_name(self, architecture: Architecture) -> str:
        return f"{self.name}-{architecture.name}.zip"


# Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34; what runs on the older one runs on both.
GLIBC = (2, 26)

ARCHITECTURES = {
    it.name: it
    for it in (
        Architecture("x86_64", "x86_64-unknown-linux-gnu", "EM_X86_64", "/lib64/ld-linux-x86-64.so.2"),
        Architecture("arm64", "aarch64-unknown-linux-gnu", "EM_AARCH64", "/lib/ld-linux-aarch64.so.1"),
    )
}

ARTEFACTS = {
    "extension": Artefact(
        name="overtime-extension",
        package="overtime-extension",
        binary="overtime-extension",
        # Lambda starts whatever lies in `/opt/extensions`, and a layer is unpacked into `/opt`.
        path="extensions/overtime",
        profile="layer",
        features=(),
        budget=2_000 * KILOBYTE,
    ),
    "aggregator": Artefact(
        name="overtime",
        package="overtime",
        binary="overtime",
        # What the runtimes `provided.al2` and `provided.al2023` start.
        path="bootstrap",
        profile="door",
        features=("lambda",),
        budget=10_000 * KILOBYTE,
    ),
}
