"""Cargo, told everything that could differ between two machines.

Paths of the machine must not get into a program: not the checkout's, not the registry's (whose folder is even named after
its host), not those of generated code. Nor may flags and profiles that happen to stand in the caller's environment. Zig is
the linker, because it links against the C library of any past version, which no distribution's own linker can.
"""

import os
import subprocess
from pathlib import Path

from artefacts.fault import Fault
from artefacts.plan import GLIBC, Architecture, Artefact

# Variables of Cargo that say where things are and how to reach them, and not what is built.
HARMLESS = ("CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TERM_")
# Of the rest of the environment, these change what compilers do.
HARMFUL = ("CARGO", "RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_", "RUST_", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CPATH", "CC", "CXX", "AR", "TARGET_", "HOST_", "ZIG")


class Cargo:
    def __init__(self, root: Path, target_dir: Path, tools: Path, cargo_home: "Path | None" = None) -> None:
        self.root = root
        self.target_dir = target_dir
        self.environment = {name: value for name, value in os.environ.items() if is_harmless(name)}
        self.environment["PATH"] = f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"
        self.environment["CARGO_TARGET_DIR"] = str(target_dir)
        self.environment["CARGO_INCREMENTAL"] = "0"
        # What asks for the time of the build gets this one.
        self.environment["SOURCE_DATE_EPOCH"] = "315532800"
        self.version = self.ask(["rustc", "--version"], "install Rust, with rustup or your package manager")
        self.home = cargo_home or home()
        self.environment["CARGO_HOME"] = str(self.home)
        self.private = [self.root, self.target_dir, self.home]
        self.sysroot = Path(self.ask(["rustc", "--print", "sysroot"], "install Rust"))

    def ask(self, arguments: list, remedy: str) -> str:
        try:
            done = subprocess.run(arguments, cwd=self.root, env=self.environment, capture_output=True, text=True)
        except FileNotFoundError:
            raise Fault(f"{arguments[0]} is not installed: {remedy}") from None
        if done.returncode != 0:
            raise Fault(f"{' '.join(arguments)} failed ({remedy}):\n{done.stderr.strip()}")
        return done.stdout.strip()

    def ensure_target(self, architecture: Architecture) -> None:
        """The standard library of a target, fetched with rustup where that can be had."""
        if self.has(architecture):
            return
        try:
            said = subprocess.run(
                ["rustup", "target", "add", architecture.target],
                cwd=self.root, env=self.environment, capture_output=True, text=True,
            ).stderr.strip()
        except FileNotFoundError:
            said = "rustup is not installed"
        if not self.has(architecture):
            raise Fault(
                f"there is no standard library of {architecture.target} in {self.sysroot}. With rustup: rustup target "
                f"add {architecture.target}. With Rust from elsewhere: install its package rust-std for that target, at "
                f"the version of {self.version}. Or leave {architecture.name} out with --arch.\n{said}"
            )

    def has(self, architecture: Architecture) -> bool:
        libraries = self.sysroot / "lib/rustlib" / architecture.target / "lib"
        return any(libraries.glob("libstd-*.rlib"))

    def build(self, artefact: Artefact, architecture: Architecture) -> Path:
        """Compiles, and says where the program is. Cargo itself says how far it is."""
        arguments = ["cargo", "zigbuild", "--locked", "--package", artefact.package, "--bin", artefact.binary]
        arguments += ["--profile", artefact.profile, "--target", f"{architecture.target}.{GLIBC[0]}.{GLIBC[1]}"]
        if artefact.features is not None:
            arguments += ["--no-default-features", "--features", ",".join(artefact.features)]
        environment = {**self.environment, "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(self.flags())}
        done = subprocess.run(arguments, cwd=self.root, env=environment)
        if done.returncode != 0:
            raise Fault(f"{artefact.name} does not compile for {architecture.target}: see above")
        return self.target_dir / architecture.target / artefact.profile / artefact.binary

    def flags(self) -> list:
        # Before anything is compiled, so that a first build knows the registry's folders, too.
        self.ask(["cargo", "fetch", "--locked"], "cargo must reach a registry of crates")
        commit = self.ask(["rustc", "--version", "--verbose"], "install Rust").partition("commit-hash: ")[2].split()[0]
        mapped = {self.root: "/overtime", self.target_dir: "/target", self.home: "/cargo"}
        mapped |= {folder: "/cargo" for folder in sorted(self.home.glob("registry/src/*"))}
        # Where the sources of the standard library are installed, the compiler names them instead of this.
        mapped[self.sysroot / "lib/rustlib/src/rust"] = f"/rustc/{commit}"
        # Of several that match, the compiler takes the last one.
        order = sorted(mapped, key=lambda folder: len(folder.parts))
        return [f"--remap-path-prefix={folder}={mapped[folder]}" for folder in order]


def is_harmless(name: str) -> bool:
    return name.startswith(HARMLESS) or not name.startswith(HARMFUL)


def home() -> Path:
    """Where Cargo keeps the sources of crates."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").absolute()
