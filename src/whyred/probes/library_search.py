"""Whether a system library, its header, its link name or its pkg-config file is on the host.

A header or `-l` name that is nowhere may as well be one of the project's own. It counts as a part of the system that
is missing only where distributions ship a library of that name, or the library itself is there without the files that
compilers want, which are in a package of their own (Debian policy 8.4: -dev).
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.libraries import library_folders
from whyred.probes.place import entrance, who
from whyred.probes.searching import first, is_file, spread

FIELDS = {
    "found": "whether a folder in which loader, linker, compiler or pkg-config look has it",
    "path": "its path; absent when there is none",
    "runtime": "the versioned library of that name that is there, such as libz.so.1; absent when none is",
    "known": "whether distributions ship a library of that name: it is no part of the project",
    "system_part_missing": "whether it is nowhere, and is part of a library of the system",
}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+/-]{0,127}")
_VARIABLES = ("LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "PKG_CONFIG_PATH")
_HEADERS = ("/usr/include", "/usr/local/include", "/usr/include/*", "/usr/lib/gcc/*/*/include", "/usr/lib/llvm-*/include")
_LIBRARIES = frozenset(
    """GL GLU X11 Xext Xi Xrandr acl aio alsa archive asan asound atomic attr audit avcodec avformat avutil blas blkid
    boost_filesystem boost_system brotlidec bsd bz2 c cairo cap cap-ng cares cgroup clang config cpprest crypt crypto
    cryptsetup cups curl db dbus-1 dl dpkg drm dw edit elf event expat ffi fftw3 fontconfig freetype fuse fuse3 gcc
    gcc_s gd gdbm gdk-3 gflags gfortran gio-2.0 git2 glfw glib-2.0 glog gmock gmp gnutls gobject-2.0 gomp gpgme gsl
    gssapi_krb5 gstreamer-1.0 gtest gtk-3 gtk-4 harfbuzz hdf5 hiredis hwloc icuuc idn2 input jansson jpeg json-c
    jsoncpp krb5 lapack ldap leveldb lmdb lua5.4 lz4 lzma lzo2 m magic mariadb microhttpd mnl modbus mount mpfr
    mysqlclient ncurses ncursesw netcdf nettle nghttp2 nl-3 nsl numa ogg openblas opus pam pango-1.0 pcap pcre
    pcre2-8 png poppler-glib popt pq proj protobuf protoc pthread pulse python3 rabbitmq rdkafka readline resolv
    rocksdb rt sasl2 seccomp secret-1 selinux sndfile snappy sodium spdlog sqlite3 ssh ssh2 ssl stdc++ systemd tcl
    tiff tinfo tinyxml2 tsan ubsan udev unistring unwind urcu usb-1.0 util uuid uv v4l2 va vorbis vpx vulkan
    wayland-client webkit2gtk-4.1 webp websockets x264 xcb xkbcommon xml2 xslt yaml z zip zmq zstd openssl zlib
    libssl libcrypto gtk+-3.0 libpng16 freetype2 x11 xext gl egl libusb-1.0 dbus-glib-1 gnome-keyring-1 gstreamer-base-1.0
    gstreamer-video-1.0 webkit2gtk-4.0 javascriptcoregtk-4.1 libsoup-3.0 libsoup-2.4 sqlite mosquitto EGL icu-uc
    icu-i18n mysql protobuf-lite grpc grpc++ opencv opencv4 eigen3 fmt nlohmann_json python-3 ruby lua libnotify
    appindicator3-0.1 ayatana-appindicator3-0.1 libbpf bpf ogg samplerate libavformat libswscale xml++-2.6""".split()
)
_KNOWN_HEADERS = """zlib.h bzlib.h lzma.h zstd.h lz4.h openssl/* curl/* sqlite3.h libpq-fe.h postgresql/* mysql/* mysql.h ffi.h
    yaml.h png.h jpeglib.h tiffio.h expat.h libxml/* libxslt/* readline/* ncurses.h curses.h gmp.h mpfr.h uuid/* udev.h
    libudev.h libusb.h libusb-1.0/* dbus/* systemd/* glib.h gtk/* gdk/* X11/* GL/* vulkan/* alsa/* pulse/* security/pam_*
    sys/capability.h sys/acl.h attr/* seccomp.h pcap.h pcap/* event2/* event.h uv.h git2.h libssh2.h libssh/* archive.h
    boost/* Eigen/* google/protobuf/* grpc/* gtest/* gmock/* fmt/* spdlog/* nlohmann/* Python.h ruby.h lua.h jni.h
    libelf.h gelf.h elfutils/* numa.h krb5.h gssapi/* ldap.h lber.h sasl/* pcre.h pcre2.h magic.h hdf5.h fftw3.h cblas.h
    lapacke.h freetype2/* ft2build.h fontconfig/* cairo.h cairo/* pango/* webp/* sodium.h snappy.h leveldb/* rocksdb/*
    lmdb.h zmq.h hiredis/* rdkafka.h librdkafka/* mosquitto.h microhttpd.h jansson.h json-c/* tcl.h tk.h expect.h
    linux/* asm/* sys/* netinet/* arpa/* bits/* gnu/* stdio.h stdlib.h string.h unistd.h stdint.h errno.h math.h pthread.h
    signal.h time.h features.h limits.h iostream vector string memory wayland-client.h xkbcommon/* va/* cuda.h
    cuda_runtime.h bpf/* fuse.h fuse3/* mpi.h omp.h""".split()
_VERSIONED = re.compile(r"\.so\.[0-9.]+$")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Where the file is, as the subject sees it. Exactly one of the arguments names it."""
    kind, name = next(((k, v) for k, v in arguments.items() if k in NEEDS), ("", ""))
    name = name.removeprefix("-l").removeprefix(":") if kind == "link" else name
    if not _NAME.fullmatch(name) or ".." in name:
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{name!r} is no plain name of a library or a header"))
    try:
        entry = entrance(host, subject)
        pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
        env = told(lambda: host.environ(pid, _VARIABLES))
        env = {} if isinstance(env, Unknown) else env
        folders = library_folders(host, entry, env)
        found = first(host, entry, _paths(host, entry, env, folders, kind, name), is_file)
        runtime = None if kind in ("library", "header") or found else _runtime(host, entry, folders, name)
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack({"kind": kind, "name": name, "path": found, "runtime": runtime})


def _paths(
    host: Host, entry: str, env: Mapping[str, str], folders: list[str], kind: str, name: str
) -> Iterable[str]:
    """The paths that are tried, in the order in which the tool tries them."""
    if kind == "header":
        own = [f for v in ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH") for f in env.get(v, "").split(":")]
        return [f"{f}/{name}" for f in (*own, *spread(host, entry, [*_HEADERS, "/usr/include/c++/*"])) if f]
    if kind == "package":
        own = [f for f in env.get("PKG_CONFIG_PATH", "").split(":") if f]
        shared = [f"{f}/pkgconfig" for f in (*folders, "/usr/share", "/usr/local/share")]
        return [f"{f}/{name}.pc" for f in (*own, *shared)]
    if kind == "library":
        return [f"{f}/{name}" for f in folders]
    own = [f for f in env.get("LIBRARY_PATH", "").split(":") if f]
    places = [*own, *folders, *spread(host, entry, ["/usr/lib/gcc/*/*", "/usr/lib/llvm-*/lib"])]
    files = [name] if re.search(r"\.(?:so|a|o|ld)(?:$|\.)", name) else [f"lib{name}.so", f"lib{name}.a"]
    return [f"{p}/{file}" for file in files for p in places]


def _runtime(host: Host, entry: str, folders: list[str], name: str) -> str | None:
    """The library as programs load it: libNAME.so.1 is there where only the -dev package is missing."""
    stem = f"lib{name.removeprefix('lib')}.so."
    found = spread(host, entry, [f"{f}/{stem}*" for f in folders])
    return next((f for f in found if _VERSIONED.search(f)), None)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    kind, name = parts.text("kind"), parts.text("name")
    if isinstance(kind, Unknown) or isinstance(name, Unknown):
        return every(FIELDS, parts.strange("name"))
    path = None if parts.absent("path") else parts.text("path")
    runtime = None if parts.absent("runtime") else parts.text("runtime")
    known = _is_known(kind, name)
    found: bool | Unknown = path if isinstance(path, Unknown) else path is not None
    missing = found if isinstance(found, Unknown) else not found and (known or runtime is not None)
    return {
        "found": found,
        "path": printable(path) if isinstance(path, str) else path,
        "runtime": printable(runtime) if isinstance(runtime, str) else runtime,
        "known": known,
        "system_part_missing": missing,
    }


def _is_known(kind: str, name: str) -> bool:
    """By its name alone."""
    if kind == "header":
        return any(fnmatchcase(name, pattern) for pattern in _KNOWN_HEADERS)
    stem = re.sub(r"\.(?:so|a)(?:\..*)?$", "", name)
    names = {name, stem, stem.removeprefix("lib"), re.sub(r"^lib(.*?)-?[0-9.]*$", r"\1", stem)}
    return bool(names & _LIBRARIES) or re.fullmatch(r"crt\w{1,10}\.o|ld[-.]\S*|libc\S*", name) is not None


NEEDS = {
    "library": "optional: a library as programs load it, such as libssl.so.3",
    "link": "optional: a library as the linker is told it: -lz or z, or a file such as crt1.o",
    "header": "optional: a header as a source includes it, such as openssl/ssl.h",
    "package": "optional: a package of pkg-config, such as openssl",
}

PROBE = Probe(
    name="library-search",
    title="Whether a system library, its header or its pkg-config file is there",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="none; the same user or root for folders that the process's environment adds",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs=NEEDS,
)
