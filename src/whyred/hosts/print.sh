#!/bin/sh
# What whyred asks of a machine on which a CI job failed:   sh probe.sh [PATH|NAME...] > OUTPUT
# What the failing log names: PATH, a file or a folder; NAME, a program, a header or a library to be looked for.
# Any user may run it; root sees most. It takes some seconds.
#
# It only prints. It writes no file, not even for a moment, changes nothing and sends nothing: OUTPUT is plain text, to
# be read before it is handed over, and used by: whyred why LOG --host OUTPUT
# It prints no secret. Of environments it prints the `variables` below, without the USER:PASSWORD@ of an address; of the
# files of a runner and the settings of tools, what the filters below let through; of the journal, what `events`
# matches; of everything else names, sizes, owners and counters.
# It does not wait for a dead network mount: each is tried first, and nothing below one that does not answer is touched.
#
# The text: 1. what may be printed  2. how it is asked and printed  3. paths  4. a process  5. a runner  6. from the top

mark=
# ---- 1. What may be printed, and which programs are started ----
variables="TMPDIR TMP TEMP HOME USER PATH SHELL LANG LC_ALL TZ XDG_RUNTIME_DIR XDG_CACHE_HOME BASH_ENV ENV
  CARGO_HOME CARGO_TARGET_DIR CARGO_NET_OFFLINE RUSTUP_HOME RUSTC_WRAPPER SCCACHE_DIR SCCACHE_SERVER_PORT
  SCCACHE_SERVER_UDS SSL_CERT_FILE SSL_CERT_DIR GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY CARGO_HTTP_PROXY PIP_PROXY
  npm_config_proxy npm_config_https_proxy CARGO_HTTP_CAINFO PIP_CERT AWS_CA_BUNDLE NIX_SSL_CERT_FILE npm_config_cafile
  NPM_CONFIG_CAFILE NODE_OPTIONS GOPROXY GOFLAGS GOPATH MAVEN_ARGS npm_config_offline NPM_CONFIG_OFFLINE PIP_NO_INDEX
  UV_OFFLINE YARN_ENABLE_NETWORK ACTIONS_CACHE_URL ACTIONS_RESULTS_URL LD_PRELOAD LD_LIBRARY_PATH FAKETIME
  FAKETIME_TIMESTAMP_FILE LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH PKG_CONFIG_PATH"
folder_variables="TMPDIR TMP TEMP HOME CARGO_HOME CARGO_TARGET_DIR SCCACHE_DIR XDG_RUNTIME_DIR"
machine_files="/proc/stat /proc/uptime /proc/meminfo /proc/loadavg /proc/vmstat /proc/locks /proc/mounts
  /proc/sys/fs/file-nr /proc/sys/fs/inotify/max_user_watches /proc/sys/fs/inotify/max_user_instances
  /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max /proc/sys/net/ipv4/ip_unprivileged_port_start /etc/os-release"
dated_files="/var/lib/systemd/timesync/clock /usr/lib/clock-epoch /var/lib/dpkg/status /var/lib/rpm /etc/hostname
  /etc/machine-id /etc/resolv.conf /var/log/wtmp /usr/bin/env"
process_files="mountinfo status limits cgroup uid_map gid_map stat timens_offsets cmdline comm oom_score_adj net/tcp
  net/tcp6 net/udp net/udp6 net/route net/ipv6_route net/fib_trie net/if_inet6"
process_links="cwd exe root ns/mnt ns/user ns/pid ns/net ns/time"
group_files="memory.events memory.max memory.current memory.oom_control memory.usage_in_bytes memory.failcnt
  memory.limit_in_bytes pids.current pids.max pids.events"
system_files="/etc/passwd /etc/group /etc/resolv.conf /etc/hosts /etc/nsswitch.conf /etc/ld.so.preload
  /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem
  /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /run/systemd/resolve/io.systemd.Resolve"
authority_folders="/etc/ssl/certs /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors"
tool_settings="/etc/gitconfig /etc/pip.conf /etc/npmrc /etc/environment /etc/profile.d/proxy.sh"
home_settings=".gitconfig .config/git/config .curlrc .npmrc .config/pip/pip.conf .pip/pip.conf .cargo/config.toml
  .cargo/config .config/go/env .config/uv/uv.toml .m2/settings.xml"
home_folders=".cargo/registry/cache go/pkg/mod/cache/download .npm/_cacache/index-v5 .m2/repository"
# Where a NAME is looked for: in a home, and on the machine; and what may put other folders on a person's PATH.
home_bins=".cargo/bin .local/bin bin go/bin .go/bin .npm-global/bin .deno/bin .bun/bin .volta/bin .pyenv/shims
  .pyenv/bin .rbenv/shims .rbenv/bin .asdf/shims .asdf/bin .dotnet .local/go/bin .local/share/mise/shims .dotnet/tools .krew/bin
  .juliaup/bin .poetry/bin .nix-profile/bin .linuxbrew/bin .yarn/bin .local/share/pnpm .rustup/toolchains/*/bin
  .nvm/versions/node/*/bin .sdkman/candidates/*/current/bin .local/share/fnm/node-versions/*/installation/bin
  .ghcup/bin"
places="/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /usr/games /snap/bin /usr/local/go/bin
  /usr/local/cargo/bin /home/*/.linuxbrew/bin /run/current-system/sw/bin /nix/var/nix/profiles/default/bin /opt/*/bin
  /opt/* /opt/*/*/bin /usr/local/*/bin /usr/local/lib/*/bin /usr/lib/jvm/*/bin /usr/lib/llvm-*/bin /usr/lib/go-*/bin
  /usr/include /usr/local/include /usr/include/* /usr/lib/gcc/*/*/include /usr/lib/llvm-*/include /usr/include/c++/*
  /lib/*-linux-gnu* /usr/lib/*-linux-gnu* /usr/lib/*-linux-musl* /lib64 /usr/lib64 /lib /usr/lib /usr/local/lib
  /usr/local/lib64 /usr/local/lib/*-linux-gnu* /lib32 /usr/lib32 /usr/lib/gcc/*/* /usr/lib/llvm-*/lib /usr/share
  /usr/local/share"
profiles="/etc/profile /etc/bash.bashrc /etc/bashrc /etc/zsh/zshrc /etc/zsh/zprofile"
home_profiles=".profile .bash_profile .bash_login .bashrc .bash_aliases .zshenv .zprofile .zshrc .pam_environment
  .xsessionrc .config/fish/config.fish .config/environment"
tools="bash git node python3 cargo rustc cc"
unit_facts="LoadState,PrivateTmp,PrivateTmpEx,DynamicUser,EnvironmentFiles,ReadWritePaths,ProtectSystem"
unit_facts="$unit_facts,RestrictAddressFamilies"
unit_facts="$unit_facts,ExecMainStartTimestamp,FragmentPath,DropInPaths,NeedDaemonReload"
events='OOM killer|^Out of memory|emory cgroup out of memory|Main process exited|Scheduled restart|Stopp(ing|ed) '
events="$events|shutdown|unregistered runner|registration|label|fetch task|Declare|instance server"
events="$events|logs (are lost|are submitted)|final (logs|status|job logs)"
# File systems on disks and in memory; and those behind which there is another machine or program.
inside="ext2 ext3 ext4 xfs btrfs f2fs zfs bcachefs jfs nilfs2 tmpfs overlay vfat exfat ntfs3"
outside="nfs nfs4 cifs smb3 smbfs fuse fuseblk 9p virtiofs ceph glusterfs lustre afs autofs beegfs gpfs ncpfs"

# The filters, in the language of sed -n: of a registration all but tokens; of a runner's configuration the names, and
# the values of places and numbers; of an env file the names; of a tool's settings the lines that name a proxy, an
# authority or `offline`, without users and passwords; of the file that BASH_ENV names, the values of places.
harmless="TMPDIR|TMP|TEMP|HOME|PATH|LANG|TZ|SHELL|CARGO_HOME|RUSTUP_HOME"
plain="file|capacity|timeout|shutdown_timeout|env_file|labels|workdir_parent|dir|host|level|log|url|uuid|name|$harmless"
registration='s/("[^"]*([Tt]oken|[Ss]ecret|[Pp]assword)[^"]*"[[:blank:]]*:[[:blank:]]*)"([^"\]|\\.)*"/\1"masked"/g;p'
configuration="s#//[^/@[:blank:]]*@#//***@#g
  /^ *($plain) *:/{p;d;}
  /^ *[A-Za-z0-9_.-]+ *: *(#.*)?\$/{p;d;}
  s/^( *(- )?[A-Za-z0-9_.-]+ *:) +[{].*/\\1 {}/p;t
  s/^( *(- )?[A-Za-z0-9_.-]+ *:) .*/\\1 masked/p;t
  /^ *- /p"
env_file="/^($harmless)=/{p;d;}
  s/^([A-Za-z_][A-Za-z0-9_]*)=.*/\\1=masked/p"
simple="#.*|(export[[:blank:]]+)?[A-Za-z_][A-Za-z0-9_]*=(\"[^\"]*\"|'[^']*'|[^\"'[:blank:];&|<>()]*)|unset [A-Za-z0-9_ ]+"
hook="s/#.*/#/;/^[[:blank:]]*(export[[:blank:]]+)?($harmless)=/!s/=.*/=masked/;p"
settings='(export[[:blank:]]+)?([Hh][Tt][Tt][Pp][Ss]?[-_.]?)?[Pp][Rr][Oo][Xx][Yy][[:blank:]]*[=:[:blank:]]'
settings="^[[:blank:]]*($settings|sslCAInfo|ca(cert|file|info)|cert[[:blank:]]*=|(net\\.)?offline|no[-_]index"
settings="$settings|GOPROXY=off|GOFLAGS=.*-mod=vendor)|<offline>"
settings="s#//[^/@[:blank:]]*@#//***@#g
  s#([=[:blank:]])[^/@[:blank:]=][^/@[:blank:]]*@#\\1***@#g
  \\#$settings#p"

# Of a profile: what it sets PATH and the places of tools to, what it reads, and the names of aliases and functions.
setting="([A-Z_]*(HOME|DIR|ROOT)|PATH)=[\"']?[~\$/][^;&|[:blank:]]*"
profile="s#^([^\#]*[[:blank:];&])?((export[[:blank:]]+)?$setting).*#\\2#p;t
  s#^[[:blank:]]*((fish_add_path|set -[a-z]+ PATH)[[:blank:]][^;&|=]*).*#\\1#p;t
  s#^([^\#]*[[:blank:];&])?(([.]|source)[[:blank:]]+[\"']?[~\$/][^;&|[:blank:]]*).*#\\2#p;t
  s#^[[:blank:]]*(alias[[:blank:]]+[A-Za-z0-9._+-]+)=.*#\\1=#p;t
  s#^[[:blank:]]*((function[[:blank:]]+)?[A-Za-z0-9._+-]+[[:blank:]]*[(][)]).*#\\1#p"

# ---- 2. How it is asked and printed ----
# Paths come in lists of one a line, and no file name is ever taken for a pattern or a command.
set -uf
unset LANG LANGUAGE QUOTING_STYLE TIME_STYLE GREP_OPTIONS BLOCK_SIZE BLOCKSIZE DF_BLOCK_SIZE POSIXLY_CORRECT
LC_ALL=C TZ=UTC0 SYSTEMD_COLORS=0 SYSTEMD_PAGER='' RUSTUP_AUTO_INSTALL=0
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export LC_ALL TZ SYSTEMD_COLORS SYSTEMD_PAGER RUSTUP_AUTO_INSTALL PATH
line='
'
blanks=$IFS asked='' seen=$line tried=' ' dead='' looks='' ends='' spaces='' links='' texts='' home=''

# tell QUESTION COMMAND...: the question, what the command prints, how it ended, and what it complained of. `mark` is a
# random word: no file and no name can pretend to be an answer.
tell() {
  printf '\n%s ? %s\n%s\n%s <\n' "$mark" "$1" "$asked" "$mark"
  shift
  errors=$("$@" 2>&1 >&3)
  printf '\n%s > %s\n%s\n' "$mark" "$?" "$errors"
}

# tell_all QUESTION LIST COMMAND...: one command for all paths of a list.
tell_all() {
  [ -n "$2" ] || return 0
  asked=${2#"$line"} question=$1
  shift 2
  IFS=$line
  tell "$question" "$@" $asked
  IFS=$blanks asked=
}

# run PROGRAM [ARGUMENT...]: for two seconds at most, where there is `timeout`.
run() {
  case $(command -v "$1") in
    '') tell "run $*" eval 'echo "no such program" >&2; false' ;;
    *) tell "run $*" $timeout "$@" <"$nothing" ;;
  esac
}

# once WORDS: whether this is the first time.
once() {
  case $seen in *"$line$1$line"*) return 1 ;; esac
  seen=$seen$1$line
}

# journal COMMAND...: its lines that tell of `events`; of the others only that they are there.
journal() {
  $timeout "$@" <"$nothing" | sed -E "/$events/!s/.*/{\"MESSAGE\":\"\"}/"
}

# environment FILE: the chosen variables, one a line (a line end inside a value is a byte 1), without passwords.
environment() {
  cat "$1" | tr '\000\n' '\n\001' | sed -nE -e "/^($(echo $variables | tr ' ' '|'))=/!d" \
    -e 's#://.*@#://***@#' -e '/^[a-zA-Z_]*[Pp][Rr][Oo][Xx][Yy]=/{/:\/\//!s#=.*@#=***@#;}' \
    -e 's/([Pp]ass(word|wd|phrase)?|[Tt]oken|[Ss]ecret)([A-Za-z]*)=[^ ]*/\1\3=***/g' -e p
}

hello() {
  echo "pid $self"
  echo "boot $(cat /proc/sys/kernel/random/boot_id)"
  echo "machine $(cat /etc/machine-id)"
  echo "mounts $(readlink /proc/self/ns/mnt)"
  echo "name $(uname -n)"
  grep -aH '' "/proc/$self/cmdline"
}

# Every process that can be seen. Each line begins with the true name of its file.
processes() {
  set +f
  printf '%s\n' /proc/[0-9]*/stat /proc/[0-9]*/cgroup /proc/[0-9]*/cmdline | $patience xargs grep -aHs ''
  printf '%s\n' /proc/[0-9]*/status | $patience xargs grep -aHs '^Uid:'
  printf '\n%s -\n' "$mark"
  printf '%s\n' /proc/[0-9]*/ns/mnt | xargs ls -lnd
}

# names FOLDER: with a zero byte behind each.
names() {
  set +f
  some=
  for name in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    case ${name##*/} in '*' | '.[!.]*' | '..?*') [ -e "$name" ] || [ -L "$name" ] || continue ;; esac
    printf '%s\000' "${name##*/}"
    some=yes
  done
  [ -n "$some" ] || listed=$(ls -a -- "$1/")
}

# ---- 3. Paths ----
# mounts PID ROOT: what is mounted there and does not answer joins `dead`; of the rest the free space is asked.
mounts() {
  while read -r _ _ device _ folder rest; do
    kind=${rest##* - }
    kind=${kind%% *}
    case $folder in *\\*) folder=$(printf "$(printf %s "$folder" | sed 's/%/%%/g')") ;; esac
    case " $inside $outside " in *" ${kind%%.*} "*) ;; *) continue ;; esac
    case " $outside " in
      *" ${kind%%.*} "*) answers "$device" "$2$folder" || { dead="$dead$line$2$folder"; continue; } ;;
    esac
    once "space $2$folder" && spaces="$spaces$line$2$folder"
  done <"/proc/$1/mountinfo"
}

# answers DEVICE FOLDER: whether a file system lets itself be looked at within two seconds; asked once for each.
answers() {
  case $tried in *" $1=yes "*) return 0 ;; *" $1=no "*) return 1 ;; esac
  said=$({ { [ -d "$2/." ]; echo yes; } 3>&- & { sleep 2; echo no; } 3>&- & } | { read -r said; echo "$said"; })
  tried="$tried$1=${said:-no} "
  [ "$said" = yes ]
}

# hangs PATH: whether it lies on a file system that does not answer.
hangs() {
  [ -n "$dead" ] || return 1
  IFS=$line
  for folder in $dead; do
    case $1/ in "$folder"/*) IFS=$blanks; return 0 ;; esac
  done
  IFS=$blanks
  return 1
}

# walk ROOT PATH: the way to a path as a process with this root goes it, link by link; `end` is where it leads.
walk() {
  at='' left=$2 hops=0 end=$1$2
  case $2 in *"$line"*) return 1 ;; esac
  while [ -n "$left" ]; do
    left=${left#/}
    step=${left%%/*}
    left=${left#"$step"}
    case $step in
      '' | .) continue ;;
      ..) at=${at%/*}; continue ;;
    esac
    end=$1$at/$step
    hangs "$end" && return 1
    case $looks$line in *"$line$end$line"*) ;; *) looks=$looks$line$end ;; esac
    if [ -L "$end" ]; then
      links=$links$line$end hops=$((hops + 1))
      target=$(readlink -- "$end") && [ "$hops" -le 40 ] || return 1
      case $target in *"$line"*) return 1 ;; /*) at= ;; esac
      left=/$target$left
    else
      at=$at/$step
      [ -e "$end" ] || break
    fi
  done
  end=$1${at:-/}
  [ -z "${left#/}" ] || end=$end/${left#/}
}

# place ROOT PATH [names]: the way to it, its state and the free space there; of a folder the names in it.
place() {
  once "place $*" && walk "$1" "$2" || return 0
  ends=$ends$line$1/$line$end spaces=$spaces$line$end
  [ $# -eq 2 ] || [ ! -d "$end" ] || ! once "names $end" || tell "names $end" names "$end"
}

# file ROOT PATH [FILTER]: the way to a file, and what the filter lets through of it.
file() {
  walk "$1" "$2" && once "read $end" || return 0
  [ -e "$end" ] || texts=$texts$line$end
  [ -f "$end" ] || return 0
  case ${3-} in
    '') tell "read $end" $timeout cat -- "$end" ;;
    *) tell "read $end" $timeout sed -nE "$3" "$end" ;;
  esac
}

# spread ROOT PATTERN: the NAMEs in each folder that the pattern stands for, and the names before a star.
spread() {
  case $2 in
    *\**) ;;
    *) case $2 in */lib | */lib[0-9]* | */*-linux-*) place "$1" "$2" names ;; esac
      for name in $named; do place "$1" "$2/$name"; done
      return ;;
  esac
  set -- "$1" "${2%%\**}" "${2#*\*}"
  place "$1" "${2%/*}" names
  walk "$1" "${2%/*}" || return 0
  case $3 in */*) left=/${3#*/} ;; *) left= ;; esac
  set +f
  set -- "$1" "${2%/*}" "$left" "$end/${2##*/}"*${3%%/*}
  set -f
  while [ $# -gt 3 ]; do
    [ "${4%\*}" != "$4" ] || spread "$1" "$2/${4##*/}$3"
    root_of=$1 above=$2 left=$3
    shift 4
    set -- "$root_of" "$above" "$left" "$@"
  done
}

# seek PID ROOT PATH HOME: the NAMEs, wherever a process with this root, PATH and home or a person may find them.
seek() {
  [ -n "$named" ] && once "seek $2 $3 $4" || return 0
  user=$(sed -nE 's/^Uid:[[:blank:]]*[0-9]+[[:blank:]]+([0-9]+).*/\1/p' "/proc/$1/status")
  homes="$4 $(awk -F: -v user="$user" '$3 == user { print $6 }' "$2/etc/passwd")"
  for path in $profiles; do read_profile "$2" "$path" "$4"; done
  place "$2" /etc/profile.d names
  file "$2" /etc/ld.so.conf
  place "$2" /etc/ld.so.conf.d names
  set +f
  set -- "$1" "$2" "$3" "$4" "$2"/etc/profile.d/*.sh "$2"/etc/ld.so.conf.d/*
  set -f
  for path do
    case $path in
      *.sh) read_profile "$2" "${path#"$2"}" "$4" ;;
      */ld.so.conf.d/*) file "$2" "${path#"$2"}"
        for folder in $(sed -nE 's/^[[:blank:]]*(\/[^#[:blank:]]*).*/\1/p' "$end"); do spread "$2" "$folder"; done ;;
    esac
  done
  IFS=:
  set -- "$1" "$2" "$homes" "$4" $3
  IFS=$blanks
  root_of=$2 its_home=$4
  shift 4
  for folder do
    case $folder in /*) place "$root_of" "${folder%/}" names; spread "$root_of" "${folder%/}" ;; esac
  done
  for folder in $homes; do
    for path in $home_profiles; do read_profile "$root_of" "$folder/$path" "$folder"; done
  done
  for folder in $places; do spread "$root_of" "$folder"; done
  for home_of in $homes /root '/home/*'; do
    for path in $home_bins; do spread "$root_of" "${home_of%/}/$path"; done
  done
  flush
}

# read_profile ROOT FILE HOME: what the filter lets through of it and of those it reads; and the NAMEs in the folders
# that it puts on a PATH.
read_profile() {
  file "$1" "$2" "$profile"
  hangs "$end" || [ ! -f "$end" ] && return
  for word in $(sed -nE "$profile" "$end" | tr -s "=:\"'" ' '); do
    case $word in
      '$HOME'/* | '${HOME}'/* | '~'/*) word=$3/${word#*/} ;;
    esac
    case $word in *\** | *\$*) continue ;; /*) ;; *) continue ;; esac
    walk "$1" "$word" || continue
    if [ -d "$end" ]; then spread "$1" "$word"; else file "$1" "$word" "$profile"; fi
  done
}

# What has been gathered: one program for each kind of question.
flush() {
  tell_all stat "$looks" $timeout stat -c '%f %h %u %g %s %d %i %Y %.9Y %n' --
  tell_all 'stat L' "$ends" $timeout stat -L -c '%f %h %u %g %s %d %i %Y %.9Y %n' --
  tell_all space "$spaces" $timeout stat -f -c '%S %b %a %c %d %n' --
  tell_all link "$links" ls -ldn --
  tell_all read "$texts" $timeout grep -aH '' --
  looks='' ends='' spaces='' links='' texts=''
}

# ---- 4. A process ----
# value KEY: of the environment that was read last.
value() {
  IFS=$line
  for entry in $environment; do
    case $entry in "$1="*) printf %s "${entry#*=}"; break ;; esac
  done
  IFS=$blanks
}

# process PID ROOT
process() {
  mounts "$1" "$2"
  for name in $process_files; do texts=$texts$line/proc/$1/$name; done
  for name in $process_links; do links=$links$line/proc/$1/$name; done
  tell "names /proc/$1/fd" names "/proc/$1/fd"
  environment=$(environment "/proc/$1/environ")
  tell "environ $1" environment "/proc/$1/environ"
  while IFS=: read -r _ _ group; do
    group "${group%/}"
  done <"/proc/$1/cgroup"
  place "$2" /
  for folder in /tmp /var/tmp; do
    place "$2" "$folder" names
    [ ! -d "$end" ] || ! once "find $end" ||
      run find "$end/" -xdev -mindepth 1 -maxdepth 3 -printf '%d %U %u %b %T@ %P\0'
  done
  for name in $folder_variables; do
    folder=$(value "$name")
    case $folder in /*) place "$2" "$folder" ;; esac
  done
  home=$(value HOME) path_of=$(value PATH)
  once "search $2 $path_of" && search "$2" "$path_of"
  flush
}

# group PATH: the counters of a control group and of those above it.
group() {
  for top in /sys/fs/cgroup /sys/fs/cgroup/memory /sys/fs/cgroup/pids; do
    [ -d "$top" ] || continue
    below=$1
    while once "group $top$below"; do
      for name in $group_files; do texts=$texts$line$top$below/$name; done
      [ -n "$below" ] || break
      below=${below%/*}
    done
  done
}

# search ROOT PATH: where the tools are that a process with this PATH finds, and which version.
search() {
  for tool in $tools; do
    left_folders=$2: first=
    while [ -n "$left_folders" ]; do
      folder=${left_folders%%:*} left_folders=${left_folders#*:}
      case $folder in /*) folder=${folder%/} ;; *) continue ;; esac
      walk "$1" "$folder/$tool" && [ -f "$end" ] && [ -x "$end" ] && [ -z "$first" ] || continue
      first=$folder/$tool real=$end
    done
    hangs "$first" || [ ! -x "$first" ] && continue
    ends="$ends$line$first$line${real%/*}/rustup"
    trusted "$first" && trusted "${real#"$1"}" && once "run $first" && run "$first" --version
  done
}

# trusted PATH: whether nobody but root and who runs this can have put a program there; it is not started otherwise.
trusted() {
  part=$1 parts=
  while [ -n "$part" ]; do parts=$parts$line$part part=${part%/*}; done
  set -- '(' -user 0 -o -user "$uid" ')' '(' -type l -o -perm -1000 -o '!' -perm -002
  [ "$uid" != 0 ] || set -- "$@" '(' '!' -perm -020 -o -group 0 ')'
  IFS=$line
  set -- $parts -prune "$@" ')' -print
  IFS=$blanks
  [ "$line$(find "$@")" = "$parts" ]
}

# ---- 5. A runner ----
# daemon PID ROOT: the files that a process with this root sees, its home, and what its command line names.
daemon() {
  for path in $system_files; do file "$2" "$path"; done
  for path in $authority_folders; do
    hangs "$2$path" || ! once "names $2$path" || tell "names $2$path" names "$2$path"
  done
  set +f
  for path in "$2"/usr/local/share/ca-certificates/* "$2"/etc/pki/ca-trust/source/anchors/*; do
    file "$2" "${path#"$2"}"
  done
  set -f
  for path in $tool_settings; do file "$2" "$path" "$settings"; done
  case $home in
    /*) for path in $home_settings; do file "$2" "$home/$path" "$settings"; done
      for path in $home_folders; do place "$2" "$home/$path" names; done
      for path in .cache/act .cache/actcache; do place "$2" "$home/$path"; done ;;
  esac
  # What BASH_ENV names, where it sets and unsets variables and does nothing else.
  path=$(value BASH_ENV)
  case $path in
    /*) walk "$2" "$path" && [ -f "$end" ] && [ -z "$(grep -avE "^[[:blank:]]*($simple)?[[:blank:]]*\$" "$end")" ] &&
      file "$2" "$path" "$hook" ;;
  esac
  cwd=$(readlink -- "/proc/$1/cwd") config='' last=''
  below=$cwd
  IFS=$line
  for word in $(tr '\000' '\n' <"/proc/$1/cmdline"); do
    case $word in */bin/Runner.Listener) below=${word%/bin/Runner.Listener} ;; --config=* | -c=*) config=${word#*=} ;; esac
    case $last in -c | --config) config=$word ;; esac
    last=$word
  done
  IFS=$blanks
  place "$2" "$cwd"
  place "$2" "$below/_work"
  file "$2" "$below/.path"
  file "$2" "$below/.runner" "$registration"
  file "$2" "$below/.env" "$env_file"
  [ -z "$config" ] || configured "$2" "$config"
  flush
}

# configured ROOT CONFIG: a runner's configuration file, and the files and folders that it names.
configured() {
  file "$1" "$(from_cwd "$2")" "$configuration"
  config=$end
  hangs "$config" || [ ! -f "$config" ] && return
  for name in file env_file workdir_parent dir; do
    path=$(sed -nE "s/^ *$name *: *[\"']?([^\"'#]*[^\"'# ]).*/\\1/p" "$config")
    case $name$path in
      file?*) file "$1" "$(from_cwd "$path")" "$registration" ;;
      env_file?*) file "$1" "$(from_cwd "$path")" "$env_file" ;;
      *dir?* | *parent?*) place "$1" "$(from_cwd "$path")" ;;
    esac
  done
}

# from_cwd PATH: as the daemon finds it.
from_cwd() {
  case $1 in /*) printf %s "$1" ;; *) printf %s "$cwd/$1" ;; esac
}

# runners: the numbers of the daemons, then of what they started.
runners() {
  set +f
  found=$(grep -aslE 'runner|Runner\.Listener|sccache' /proc/[0-9]*/cmdline)
  set -f
  for path in $found; do
    case $(tr '\000' ' ' <"$path") in
      *runner*daemon* | *Runner.Listener*run* | *whyred-runner* | *sccache' ') path=${path#/proc/}; echo "${path%%/*}" ;;
    esac
  done
}

# descendants PID...: they, then their children, and theirs.
descendants() {
  set +f
  printf '%s\n' /proc/[0-9]*/status | $patience xargs grep -aHs '^PPid:' | awk -v first="$*" '
    { split($1, part, "/"); children[$2] = children[$2] " " part[3] }
    END {
      count = split(first, list, " ")
      for (n = 1; n <= count; n++) known[list[n]] = 1
      for (n = 1; n <= count; n++) {
        print list[n]
        more = split(children[list[n]], next_ones, " ")
        for (m = 1; m <= more; m++) if (!(next_ones[m] in known)) { known[next_ones[m]] = 1; list[++count] = next_ones[m] }
      }
    }'
}

# deleted: files that are held open, and what they take. All processes are looked at, which a busy machine does slowly.
deleted() {
  limit=$timeout timeout=$patience
  set -- find /proc -mindepth 1 -maxdepth 3 '(' -path '/proc/[0-9]*/fd/*' -lname '* (deleted)' ')'
  set -- "$@" -printf '%p -> %l\0' -o '(' -path '/proc/[0-9]*' '(' '!' -path '/proc/*/*' -o -path '/proc/[0-9]*/fd' ')' ')'
  run "$@" -o -prune
  set -- $($timeout find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname '* (deleted)')
  [ $# -eq 0 ] || [ $# -gt 400 ] || run find -L "$@" -maxdepth 0 -type f -printf '%D %i %s %b %p\0'
  timeout=$limit
}

# ---- 6. From the top ----
named=''
for path do
  case $path in /*) ;; *) named="$named $path" ;; esac
done
exec 3>&1 4>&2
nothing=/dev/null timeout='' patience='' uid=$(id -u) units=' '
if (: >/dev/null) 2>&-; then exec 2>/dev/null; fi # processes come and go while they are looked at
[ -r /dev/null ] || nothing=/proc/version
if timeout 2 true; then timeout='timeout 2' patience='timeout 30'; fi
cd /
read -r self _ </proc/self/stat
echo "# whyred host 2 $mark"
tell hello hello
tell variables echo "$variables"
run date +%s.%N
run date -u +%s
run timedatectl show -p NTPSynchronized
run chronyc -n tracking
run ss -Htlnpe
tell processes processes
for path in $machine_files; do texts=$texts$line$path; done
process "$self" ''
place '' / names
daemon "$self" ''
seek "$self" '' "$path_of" "$home"
for path in $dated_files; do walk '' "$path" && ends=$ends$line$path; done
path=$(value RUSTUP_HOME)
ends=$ends$line${path:-$home/.rustup}/settings.toml
process 1 /proc/1/root
deleted
daemons=" $(echo $(runners)) " own_mounts=$(cat /proc/self/mountinfo)
for pid in $(descendants $daemons | head -n 64); do
  root=/proc/$pid/root
  [ "$(cat "/proc/$pid/mountinfo")" != "$own_mounts" ] || root=
  process "$pid" "$root"
  case $daemons in *" $pid "*) daemon "$pid" "$root"; seek "$pid" "$root" "$path_of" "$home" ;; esac
  for path do case $path in /*) place "$root" "$path" names ;; esac; done
  while read -r unit; do
    unit=${unit##*/}
    case $unit in *.service) once "unit $unit" && units="$units$unit " ;; esac
  done <"/proc/$pid/cgroup"
done
for path do case $path in /*) place '' "$path" names ;; esac; done
flush
for unit in $units; do
  run systemctl show --no-pager -p "$unit_facts" -- "$unit"
  set -- journalctl --no-pager --all --reverse --output=json --output-fields=MESSAGE --lines=2000
  set -- "$@" --since=-24h "--unit=$unit"
  [ -z "$(command -v journalctl)" ] || tell "run $*" journal "$@"
done
tell dead echo "$dead"
printf '\n%s end\n' "$mark" || echo 'The output could not be written to its end: is the disk full?' >&4
