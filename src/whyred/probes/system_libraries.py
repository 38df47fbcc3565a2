"""Names of libraries and headers that distributions ship: no project means a part of its own by them.

From the development packages of Debian 12 and Fedora that programs most often build against; names of pkg-config too.
"""

_LIBRARIES = """
acl aio alsa appindicator3-0.1 archive asan asound atomic attr audit avcodec avformat avutil
ayatana-appindicator3-0.1 blas blkid boost_filesystem boost_system bpf brotlidec bsd bz2 c cairo cap cap-ng cares
cgroup clang config cpprest crypt crypto cryptsetup cups curl db dbus-1 dbus-glib-1 dl dpkg drm dw edit EGL egl
eigen3 elf event expat ffi fftw3 fmt fontconfig freetype freetype2 fuse fuse3 gcc gcc_s gd gdbm gdk-3 gflags
gfortran gio-2.0 git2 gl GL glfw glib-2.0 glog GLU gmock gmp gnome-keyring-1 gnutls gobject-2.0 gomp gpgme grpc
grpc++ gsl gssapi_krb5 gstreamer-1.0 gstreamer-base-1.0 gstreamer-video-1.0 gtest gtk+-3.0 gtk-3 gtk-4 harfbuzz hdf5
hiredis hwloc icu-i18n icu-uc icuuc idn2 input jansson javascriptcoregtk-4.1 jpeg json-c jsoncpp krb5 lapack ldap
leveldb libavformat libbpf libcrypto libnotify libpng16 libsoup-2.4 libsoup-3.0 libssl libswscale libusb-1.0 lmdb
lua lua5.4 lz4 lzma lzo2 m magic mariadb microhttpd mnl modbus mosquitto mount mpfr mysql mysqlclient ncurses
ncursesw netcdf nettle nghttp2 nl-3 nlohmann_json nsl numa ogg openblas opencv opencv4 openssl opus pam pango-1.0
pcap pcre pcre2-8 png poppler-glib popt pq proj protobuf protobuf-lite protoc pthread pulse python-3 python3
rabbitmq rdkafka readline resolv rocksdb rt ruby samplerate sasl2 seccomp secret-1 selinux snappy sndfile sodium
spdlog sqlite sqlite3 ssh ssh2 ssl stdc++ systemd tcl tiff tinfo tinyxml2 tsan ubsan udev unistring unwind urcu
usb-1.0 util uuid uv v4l2 va vorbis vpx vulkan wayland-client webkit2gtk-4.0 webkit2gtk-4.1 webp websockets x11 X11
x264 xcb xext Xext Xi xkbcommon xml++-2.6 xml2 Xrandr xslt yaml z zip zlib zmq zstd
"""
_HEADERS = """
alsa/* archive.h arpa/inet.h asm/types.h attr/* bits/c++config.h bits/libc-header-start.h bits/wordsize.h boost/*
bpf/* bzlib.h cairo.h cairo/* cblas.h cuda.h cuda_runtime.h curl/* curses.h dbus/* Eigen/* elfutils/* errno.h
event.h event2/* expat.h expect.h features.h ffi.h fftw3.h fmt/* fontconfig/* freetype2/* ft2build.h fuse.h fuse3/*
gdk/* gelf.h git2.h GL/* glib.h gmock/* gmp.h gnu/stubs-32.h gnu/stubs.h google/protobuf/* grpc/* gssapi/* gtest/*
gtk/* hdf5.h hiredis/* iostream jansson.h jni.h jpeglib.h json-c/* krb5.h lapacke.h lber.h ldap.h leveldb/* libelf.h
libpq-fe.h librdkafka/* libssh/* libssh2.h libudev.h libusb-1.0/* libusb.h libxml/* libxslt/* limits.h
linux/limits.h linux/types.h lmdb.h lua.h lz4.h lzma.h magic.h math.h memory microhttpd.h mosquitto.h mpfr.h mpi.h
mysql.h mysql/* ncurses.h netinet/in.h nlohmann/* numa.h omp.h openssl/* pango/* pcap.h pcap/* pcre.h pcre2.h png.h
postgresql/* pthread.h pulse/* Python.h rdkafka.h readline/* rocksdb/* ruby.h sasl/* seccomp.h security/pam_*
signal.h snappy.h sodium.h spdlog/* sqlite3.h stdint.h stdio.h stdlib.h string string.h sys/acl.h sys/capability.h
sys/cdefs.h sys/socket.h sys/stat.h sys/types.h systemd/* tcl.h tiffio.h time.h tk.h udev.h unistd.h uuid/* uv.h
va/* vector vulkan/* wayland-client.h webp/* X11/* xkbcommon/* yaml.h zlib.h zmq.h zstd.h
"""

LIBRARIES = frozenset(_LIBRARIES.split())
"""As `-l` and pkg-config are told them."""
HEADERS = tuple(_HEADERS.split())
"""As sources include them; `*` stands for any text."""
