"""Nix and Guix: the log of a builder, whose phases are the steps. `nix build -L` puts its name before each line."""

from whyred.logs.format import Format, Mark, Sign

FORMAT = Format(
    name="nix",
    signs=(
        rb"^(?:[\w.+-]{1,100}> )?(?:Running phase: \w+Phase|@nix \{)",
        rb"^(?:these (?:\d+ )?derivations will be built:|this derivation will be built:|building '/nix/store/)",
        rb"^error: (?:builder for|build of|Cannot build) '/nix/store/",
        rb"^(?:starting phase [`'][\w-]+'|phase [`'][\w-]+' (?:succeeded|failed) after |@ build-\w+ /gnu/store/)",
    ),
    prefix=rb"^(?:\xef\xbb\xbf)?(?:\xe2\x94\x83 +| {4,8})?(?:[\w.+-]{0,100}> )?",
    marks=(
        Mark(Sign.STEP, r"^Running phase: (?P<name>\w+)$"),
        Mark(Sign.STEP, r"^starting phase [`'](?P<name>[\w-]+)'$"),
        Mark(Sign.ENDED_WELL, r"^phase [`'][\w-]+' succeeded after "),
        Mark(Sign.ENDED_BADLY, r"^phase [`'][\w-]+' failed after "),
        Mark(Sign.STOPPED, r"^error: (?:builder for|build of|Cannot build) '/nix/store/"),
        Mark(Sign.STOPPED, r"^builder for [`']/gnu/store/\S+' failed"),
    ),
    source="nixpkgs pkgs/stdenv/generic/setup.sh; nix src/libstore; guix (guix build gnu-build-system)",
    inner=True,
)
