#!/bin/sh
# What whyred asks of a machine on which a CI job failed:   sh probe.sh > OUTPUT
# Any user may run it; root sees most. It takes some seconds. What it printed is used by: whyred why LOG --host OUTPUT
#
# It only prints. It writes no file, not even for a moment, changes nothing and sends nothing: OUTPUT is plain text, to
# be read before it is handed over. What may stand in it: of environments the `variables` below, without passwords; of
# the files of a runner and the settings of tools what the `filters` let through; of the journal what `events` matches;
# of command lines those that `commands` matches; the lists of files below; of everything else names, sizes, owners.
#
# Part 1 says what may be printed. Part 2 starts every program that prints. Part 3 makes the list of what is asked, and
# prints nothing: `sh probe.sh questions` shows that list alone. Who is in a hurry reads parts 1 and 2.
mark=
wanted='' names=''

# ---- 1. What may be printed ----
byte_1=$(printf '\001')
variables="TMPDIR GOTMPDIR TMP TEMP HOME USER PATH SHELL LANG LC_ALL TZ XDG_RUNTIME_DIR XDG_CACHE_HOME BASH_ENV ENV
  CARGO_HOME CARGO_TARGET_DIR CARGO_NET_OFFLINE RUSTUP_HOME RUSTC_WRAPPER SCCACHE_DIR SCCACHE_SERVER_PORT
  SCCACHE_SERVER_UDS SSL_CERT_FILE SSL_CERT_DIR GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY CARGO_HTTP_PROXY PIP_PROXY
  npm_config_proxy npm_config_https_proxy CARGO_HTTP_CAINFO PIP_CERT AWS_CA_BUNDLE NIX_SSL_CERT_FILE npm_config_cafile
  NPM_CONFIG_CAFILE NODE_OPTIONS GOPROXY GOFLAGS GOPATH MAVEN_ARGS npm_config_offline NPM_CONFIG_OFFLINE PIP_NO_INDEX
  UV_OFFLINE YARN_ENABLE_NETWORK ACTIONS_CACHE_URL ACTIONS_RESULTS_URL LD_PRELOAD LD_LIBRARY_PATH FAKETIME
  FAKETIME_TIMESTAMP_FILE LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH PKG_CONFIG_PATH JAVA_HOME GOROOT"
folder_variables="TMPDIR|GOTMPDIR|TMP|TEMP|HOME|CARGO_HOME|CARGO_TARGET_DIR|SCCACHE_DIR|XDG_RUNTIME_DIR|GOROOT"
machine_files="/proc/stat /proc/uptime /proc/meminfo /proc/loadavg /proc/vmstat /proc/locks /proc/mounts /etc/os-release
  /proc/sys/fs/file-nr /proc/sys/fs/inotify/max_user_watches /proc/sys/fs/inotify/max_user_instances
  /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max /proc/sys/net/ipv4/ip_unprivileged_port_start"
dated_files="/var/lib/systemd/timesync/clock /usr/lib/clock-epoch /var/lib/dpkg/status /var/lib/rpm /etc/hostname
  /etc/machine-id /etc/resolv.conf /var/log/wtmp /usr/bin/env" # their age alone
process_files="mountinfo status limits cgroup uid_map gid_map stat timens_offsets comm oom_score_adj net/tcp
  net/tcp6 net/udp net/udp6 net/route net/ipv6_route net/fib_trie net/if_inet6" # below /proc/PID
process_links="cwd exe root ns/mnt ns/user ns/pid ns/net ns/time"
group_files="memory.events memory.max memory.current memory.oom_control memory.usage_in_bytes memory.failcnt
  memory.limit_in_bytes pids.current pids.max pids.events" # of a control group and of those above it
system_files="/etc/passwd /etc/group /etc/resolv.conf /etc/hosts /etc/nsswitch.conf /etc/ld.so.preload
  /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem
  /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /run/systemd/resolve/io.systemd.Resolve"
authority_folders="/etc/ssl/certs /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors"
tool_settings="/etc/gitconfig /etc/pip.conf /etc/npmrc /etc/environment /etc/profile.d/proxy.sh"
home_settings=".gitconfig .config/git/config .curlrc .npmrc .config/pip/pip.conf .pip/pip.conf .cargo/config.toml
  .cargo/config .config/go/env .config/uv/uv.toml .m2/settings.xml"
home_folders=".cargo/registry/cache go/pkg/mod/cache/download .npm/_cacache/index-v5 .m2/repository .cache/act
  .cache/actcache"
properties="LoadState,PrivateTmp,PrivateTmpEx,DynamicUser,EnvironmentFiles,ReadWritePaths,ProtectSystem"
properties="$properties,RestrictAddressFamilies,PrivateNetwork,IPAddressDeny,IPAddressAllow,MemoryDenyWriteExecute"
properties="$properties,RestrictNamespaces,ExecMainStartTimestamp,FragmentPath,DropInPaths,NeedDaemonReload"
commands='runner|Runner\.Listener|sccache|git|find|tmp' # of all others the name of the program alone
events='OOM killer|^Out of memory|emory cgroup out of memory|Main process exited|Scheduled restart|Stopp(ing|ed) '
events="$events|shutdown|unregistered runner|registration|label|fetch task|Declare|instance server"
events="$events|logs (are lost|are submitted)|final (logs|status|job logs)"

# The `filters`, in the language of sed -nE. Of a runner's registration all but tokens; of its configuration the names,
# its lists (labels), and the values of places and numbers; of an env file and of the file of BASH_ENV the names, and
# the values of places; of a tool's settings the lines that name a proxy, an authority or `offline`, without users and
# passwords.
registration='/"[^"]*([Tt]oken|[Ss]ecret|[Pp]assword)[^"]*"[[:blank:]]*:?[[:blank:]]*$/{N;d;}
  s#//[^/[:blank:]"]*@#//***@#g
  s/("[^"]*([Tt]oken|[Ss]ecret|[Pp]assword)[^"]*"[[:blank:]]*:[[:blank:]]*)"([^"\]|\\.)*"/\1"masked"/g;p'
harmless="TMPDIR|TMP|TEMP|HOME|PATH|LANG|TZ|SHELL|CARGO_HOME|RUSTUP_HOME"
plain="file|capacity|timeout|shutdown_timeout|env_file|labels|workdir_parent|dir|host|level|log|url|uuid|name|$harmless"
configuration="s#//[^/[:blank:]]*@#//***@#g
  /^ *($plain) *:/{p;d;}
  /^ *[A-Za-z0-9_.-]+ *: *(#.*)?\$/{p;d;}
  s/^( *(- )?[A-Za-z0-9_.-]+ *:) +[{].*/\\1 {}/p;t
  s/^( *(- )?[A-Za-z0-9_.-]+ *:) .*/\\1 masked/p;t
  /^ *- /p"
assignments="s/^([[:blank:]]*(export[[:blank:]]+)?($harmless)=[^#]*).*/\\1/p;t
  s/^([[:blank:]]*(export[[:blank:]]+)?[A-Za-z_][A-Za-z0-9_]*)=.*/\\1=masked/p;t
  /^[[:blank:]]*unset [A-Za-z0-9_ ]+\$/!s/.*//;p"
simple="(\"[^\"]*\"|'[^']*'|[^\"'[:blank:];&|<>()]*)"
simple="#.*|(export[[:blank:]]+)?[A-Za-z_][A-Za-z0-9_]*=$simple|unset [A-Za-z0-9_ ]+"
settings='(export[[:blank:]]+)?([Hh][Tt][Tt][Pp][Ss]?[-_.]?)?[Pp][Rr][Oo][Xx][Yy][[:blank:]]*[=:[:blank:]]'
settings="^[[:blank:]]*($settings|sslCAInfo|ca(cert|file|info)|cert[[:blank:]]*=|(net\\.)?offline|no[-_]index"
settings="s#//[^/[:blank:]]*@#//***@#g
  s#([=[:blank:]])[^/@[:blank:]=][^/@[:blank:]]*@#\\1***@#g
  \\#$settings|GOPROXY=off|GOFLAGS=.*-mod=vendor)|<offline>#p"

passwords="s#://[^/$byte_1]*@#://***@#g
  s/((pass(word|wd|phrase)?|token|secret)[A-Za-z_]*)=[^ $byte_1]*/\\1=***/Ig"
arguments="$passwords
  s/((pass(word|wd|phrase)?|token|secret|key|auth)[A-Za-z_]*)[=:$byte_1 ]+[^$byte_1]*/\\1=***/Ig"

# ---- 2. The answers ----
# tell QUESTION COMMAND...: the question, what the command prints, how it ended, and what it complained of. `mark` is a
# random word: no file and no name can pretend to be an answer.
tell() {
  printf '\n%s ? %s\n%s\n%s <\n' "$mark" "$1" "$asked" "$mark"
  shift
  errors=$("$@" 2>&1 >&3)
  printf '\n%s > %s\n%s\n' "$mark" "$?" "$errors"
}

# all KIND PROGRAM...: one program is given all paths.   each KIND COMMAND...: a command for one path after the other.
paths_of() { printf '%s\n' "$questions" | sed -n "s/^$1 //p"; }
all() {
  kind=$1 asked=$(paths_of "$1")
  shift
  [ -z "$asked" ] || tell "$kind" given "$@"
  asked=''
}
given() { printf '%s\n' "$asked" | tr '\n' '\000' | $patience xargs -0 "$@"; }
each() {
  kind=$1
  shift
  IFS=$newline
  for path in $(paths_of "$kind"); do
    IFS=$blanks
    "$@" "$path"
  done
  IFS=$blanks
}
answer() { tell "$kind $path" "$@"; }

# run PROGRAM [ARGUMENT...]: for two seconds at most, where there is `timeout`.
run() {
  case $(command -v "$1") in
    '') tell "run $*" eval 'echo "no such program" >&2; false' ;;
    *) tell "run $*" $timeout "$@" <"$nothing" ;;
  esac
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
  printf '%s\n' /proc/[0-9]*/stat /proc/[0-9]*/cgroup | $patience xargs grep -aHs ''
  printf '%s\n' /proc/[0-9]*/cmdline | $patience xargs grep -aHs '' | command_lines
  printf '%s\n' /proc/[0-9]*/status | $patience xargs grep -aHs '^Uid:'
  printf '\n%s -\n' "$mark"
  printf '%s\n' /proc/[0-9]*/ns/mnt | xargs ls -lnd
}

# command_lines: without passwords, and without their arguments where `commands` does not match.
command_lines() {
  tr '\000' '\001' | sed -E -e "/$commands/!s/$byte_1.*/$byte_1/" -e "$arguments" | tr '\001' '\000'
}

command_line() { command_lines <"$1"; }

# environment PID: the chosen variables, one a line (a line end inside a value is a byte 1), without passwords.
environment() {
  cat "/proc/$1/environ" | tr '\000\n' '\n\001' | sed -nE -e "/^($chosen)=/!d" \
    -e '/^[a-zA-Z_]*[Pp][Rr][Oo][Xx][Yy]=/{/:\/\//!s#=.*@#=***@#;}' -e "$passwords" -e p
}

# names FOLDER: with a zero byte behind each.
names() {
  set +f
  some=''
  for name in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    case ${name##*/} in '*' | '.[!.]*' | '..?*') [ -e "$name" ] || [ -L "$name" ] || continue ;; esac
    printf '%s\000' "${name##*/}"
    some=yes
  done
  [ -n "$some" ] || listed=$(ls -a -- "$1/")
}

# unit NAME: of a runner's systemd unit how it was started, and of its journal the lines that tell of `events`; of the
# others only that they are there.
unit() {
  run systemctl show --no-pager -p "$properties" -- "$1"
  set -- --no-pager --all --reverse --output=json --output-fields=MESSAGE --lines=2000 --since=-24h "--unit=$1"
  [ -z "$(command -v journalctl)" ] || tell "run journalctl $*" journal "$@"
}
journal() { $timeout journalctl "$@" <"$nothing" | sed -E "/$events/!s/.*/{\"MESSAGE\":\"\"}/"; }

# version PATH: of a program that only root, or who runs this, can have put there. One of rustup's is not started where
# rustup has no settings yet: it would write them.
version() {
  [ "${1##*/}" != rustup ] || return
  [ ! -e "${1%/*}/rustup" ] || [ -f "$rustup/settings.toml" ] || return
  trusted "$1" && trusted "$(readlink -f -- "$1")" && run "$1" --version
}
trusted() {
  [ -n "$1" ] || return 0
  set -- "$1" -prune '(' -user 0 -o -user "$uid" ')' '(' -type l -o -perm -1000 -o '!' -perm -002
  [ -n "$(find "$@" '(' '!' -perm -020 -o -group 0 -o -group "$gid" ')' ')' -print)" ] && trusted "${1%/*}"
}

# temporary FOLDER: what lies in it, by owner.   deleted: files that are held open, and what they take.
temporary() { run find "$1" -xdev -mindepth 1 -maxdepth 3 -printf '%d %U %u %b %T@ %P\0'; }
deleted() {
  limit=$timeout timeout=$patience
  set -- find /proc -mindepth 1 -maxdepth 3 '(' -path '/proc/[0-9]*/fd/*' -lname '* (deleted)' ')'
  set -- "$@" -printf '%p -> %l\0' -o '(' -path '/proc/[0-9]*' '(' '!' -path '/proc/*/*' -o
  run "$@" -path '/proc/[0-9]*/fd' ')' ')' -o -prune
  set -- $($timeout find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname '* (deleted)')
  [ $# -eq 0 ] || [ $# -gt 400 ] || run find -L "$@" -maxdepth 0 -type f -printf '%D %i %s %b %p\0'
  timeout=$limit
}

answers() {
  echo "# whyred host 3 $mark"
  tell hello hello
  tell variables echo "$variables"
  tell processes processes
  run date +%s.%N
  run date -u +%s
  run timedatectl show -p NTPSynchronized
  run chronyc -n tracking
  run ss -Htlnpe
  deleted
  all stat stat -c '%f %h %u %g %s %d %i %Y %.9Y %Z %.9Z %n' --
  all stat-L stat -L -c '%f %h %u %g %s %d %i %Y %.9Y %Z %.9Z %n' --
  all space stat -f -c '%S %b %a %c %d %n' --
  all link ls -ldn --
  all read grep -aH '' --
  all dead true
  each names answer names
  each environ answer environment
  each command_line answer command_line
  each temporary temporary
  each version version
  each unit unit
  each registration answer sed -nE "$registration"
  each configuration answer sed -nE "$configuration"
  each assignments answer sed -nE "$assignments"
  each settings answer sed -nE "$settings"
  [ -z "$names" ] || each profile answer sed -nE "$profile"
}

# ---- 3. The questions ----
# ask KIND PATH...
ask() {
  kind=$1
  shift
  for one do printf '%s %s\n' "$kind" "$one"; done
}

# walk ROOT PATH: the way to a path as a process with this root goes it, link by link; `end` is where it leads. It
# stops where nothing is, and before a mount that does not answer.
walk() {
  at='' left=$2 hops=0 end=$1$2
  case $2 in *"$newline"*) return 1 ;; esac
  while [ -n "$left" ]; do
    left=${left#/}
    step=${left%%/*}
    left=${left#"$step"}
    case $step in '' | .) continue ;; ..) at=${at%/*}; continue ;; esac
    end=$1$at/$step
    case $dead in *"$newline$end$newline"*) return 1 ;; esac
    ask stat "$end"
    if [ -L "$end" ]; then
      ask link "$end"
      target=$(readlink -- "$end") && [ "$hops" -lt 40 ] || return 1
      case $target in *"$newline"*) return 1 ;; /*) at= ;; esac
      left=/$target$left hops=$((hops + 1))
    else
      at=$at/$step
      [ -e "$end" ] || break
    fi
  done
  end=$1${at:-/}
  [ -z "${left#/}" ] || end=$end/${left#/}
}

# place ROOT PATH: the way to it, its state, and the free space there.
place() { walk "$1" "$2" && ask stat-L "$1$2" "$end" && ask space "$end"; }

# folder ROOT PATH: its names too.   file ROOT PATH [FILTER]: what stands in it, or what passes the filter.
folder() { place "$1" "$2" && [ -e "$end" ] && ask names "$end"; }
file() {
  walk "$1" "$2" || return
  if [ -f "$end" ]; then ask "${3:-read}" "$end"; elif [ ! -e "$end" ]; then ask read "$end"; fi
}

# mounts PID ROOT: what is mounted there. What leads to another machine or program is tried first; what does not answer
# is `dead`, and so is a place where something would be mounted only because somebody looks.
mounts() {
  while read -r _ _ device _ path rest; do
    rest=${rest##* - }
    case $path in *\\*) path=$(printf "$(printf %s "$path" | sed 's/%/%%/g')") ;; esac
    case ${rest%% *} in
      ext[234] | xfs | btrfs | f2fs | zfs | bcachefs | jfs | nilfs2 | tmpfs | overlay | vfat | exfat | ntfs3) ;;
      nfs* | cifs | smb* | fuse* | 9p | virtiofs | ceph | gluster* | lustre | afs | beegfs | gpfs | ncpfs)
        responds "$device" "$2$path" || { dead=$dead$2$path$newline; continue; } ;;
      autofs) dead=$dead$2$path$newline; continue ;;
      *) continue ;;
    esac
    here=$newline$2$path$newline
    case $dead in *"$here"*) dead=${dead%%"$here"*}$newline${dead#*"$here"} ;; esac
    ask space "$2$path"
  done <"/proc/$1/mountinfo"
  printf %s "$dead" | sed -n 's/^[^ ]/dead &/p'
}

# responds DEVICE FOLDER: whether a file system lets itself be looked at within two seconds.
responds() {
  case $tried in *" $1=yes "*) return 0 ;; *" $1=no "*) return 1 ;; esac
  said=$({ { [ -d "$2/." ]; echo yes; } 3>&- & { sleep 2; echo no; } 3>&- & } | { read -r said; echo "$said"; })
  tried="$tried$1=${said:-no} "
  [ "$said" = yes ]
}

# paths PID NAME: the absolute paths in its variables of this name.
paths() { environment "$1" | sed -nE "s/^($2)=//p" | tr ':' '\n' | grep '^/'; }

# process PID ROOT: what is asked of every process: a runner, what it started, this script, and the first of all.
process() {
  mounts "$1" "$2"
  for name in $process_files; do ask read "/proc/$1/$name"; done
  for name in $process_links; do ask link "/proc/$1/$name"; done
  ask names "/proc/$1/fd"
  ask environ "$1"
  folder "$2" /
  for path in /tmp /var/tmp; do folder "$2" "$path" && ask temporary "$end/"; done
  IFS=$newline
  for path in $(paths "$1" "$folder_variables"); do place "$2" "$path"; done
  for path in $(paths "$1" JAVA_HOME); do place "$2" "${path%/}/bin/java"; done
  for path in $(paths "$1" PATH); do
    for name in bash git node python3 cc cargo rustc rustup; do
      walk "$2" "${path%/}/$name" && ask stat-L "$2${path%/}/$name" "$end" "${end%/*}/rustup"
      [ -f "$end" ] && [ -x "$end" ] && ask version "${path%/}/$name"
    done
  done
  IFS=$blanks
  while IFS=: read -r _ _ path; do
    case $path in *.service) ask unit "${path##*/}" ;; esac
    path=${path%/}
    for top in /sys/fs/cgroup /sys/fs/cgroup/memory /sys/fs/cgroup/pids; do groups "$top" "$path"; done
  done <"/proc/$1/cgroup"
}

# groups TOP PATH: the counters of a control group and of those above it.
groups() {
  [ -d "$1" ] || return
  for name in $group_files; do ask read "$1$2/$name"; done
  [ -z "$2" ] || groups "$1" "${2%/*}"
}

# daemon PID ROOT: what is asked of a runner: its view of the system, its home, and the files that configure it.
daemon() {
  for path in $system_files; do file "$2" "$path"; done
  for path in $authority_folders; do folder "$2" "$path"; done
  for path in /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors; do
    for name in $(ls "$2$path"); do file "$2" "$path/$name"; done
  done
  for path in $tool_settings; do file "$2" "$path" settings; done
  home=$(paths "$1" HOME) hook=$(paths "$1" BASH_ENV)
  for path in $home_settings; do [ -z "$home" ] || file "$2" "$home/$path" settings; done
  for path in $home_folders; do [ -z "$home" ] || folder "$2" "$home/$path"; done
  # Of the file of BASH_ENV nothing, where it does anything but set and unset variables.
  [ -z "$hook" ] || ! walk "$2" "$hook" || [ ! -f "$end" ] ||
    grep -aqvE "^[[:blank:]]*($simple)?[[:blank:]]*\$" "$end" || ask assignments "$end"
  cwd=$(readlink -- "/proc/$1/cwd") config='' last=''
  below=$cwd
  IFS=$newline
  for word in $(tr '\000' '\n' <"/proc/$1/cmdline"); do
    case $word in */bin/Runner.Listener) below=${word%/bin/Runner.Listener} ;; esac
    case $last in -c | --config) config=$word ;; esac
    case $word in --config=* | -c=*) config=${word#*=} ;; esac
    last=$word
  done
  IFS=$blanks
  ask command_line "/proc/$1/cmdline"
  for path in "$cwd" "$below/_work"; do place "$2" "$path"; done
  file "$2" "$below/.path"
  file "$2" "$below/.runner" registration
  file "$2" "$below/.env" assignments
  [ -n "$config" ] && file "$2" "$(from_cwd "$config")" configuration && [ -f "$end" ] || return
  config=$end
  for name in file env_file workdir_parent dir; do
    path=$(from_cwd "$(sed -nE "s/^ *$name *: *[\"']?([^\"'#]*[^\"'# ]).*/\\1/p" "$config")")
    case $name in
      file) file "$2" "$path" registration ;;
      env_file) file "$2" "$path" assignments ;;
      *) place "$2" "$path" ;;
    esac
  done
}

# from_cwd PATH: as the daemon finds it.
from_cwd() { case $1 in /*) echo "$1" ;; *) echo "$cwd/$1" ;; esac; }

# runners: the numbers of their daemons.   family PID...: they, and all that they started.
runners() {
  set +f
  for path in $(printf '%s\n' /proc/[0-9]*/cmdline | xargs grep -alE 'runner|Runner\.Listener|sccache'); do
    case $(tr '\000' ' ' <"$path") in
      *runner*daemon* | *Runner.Listener*run* | *whyred-runner* | *sccache' ') basename "${path%/*}" ;;
    esac
  done
}
family() { set +f; for pid do echo "$pid"; family $(cat "/proc/$pid/task"/*/children); done; }

# wanted PID ROOT: what the failing log names.
wanted() {
  IFS=$newline
  for path in $wanted; do folder "$2" "$path"; done
  IFS=$blanks
  [ -z "$names" ] || searched "$1" "$2"
}

# questions: all of them.
questions() {
  for path in $machine_files; do ask read "$path"; done
  for path in $dated_files "$rustup/settings.toml"; do walk '' "$path" && ask stat-L "$path" "$end"; done
  process 1 /proc/1/root
  process "$self" ''
  daemon "$self" ''
  wanted "$self" ''
  daemons=$(runners)
  for pid in $(family $daemons | head -n 64); do
    root=/proc/$pid/root
    [ "$(cat "/proc/$pid/mountinfo")" != "$(cat /proc/self/mountinfo)" ] || root=''
    process "$pid" "$root"
    case " $(echo $daemons) " in *" $pid "*) daemon "$pid" "$root" ;; esac
    wanted "$pid" "$root"
  done
}

# (names)
# ---- 4. From the top ----
# Paths stand one a line, and no name of a file is ever taken for a pattern or a command.
set -uf
unset LANG LANGUAGE QUOTING_STYLE TIME_STYLE GREP_OPTIONS BLOCK_SIZE BLOCKSIZE DF_BLOCK_SIZE POSIXLY_CORRECT
LC_ALL=C TZ=UTC0 SYSTEMD_COLORS=0 SYSTEMD_PAGER='' RUSTUP_AUTO_INSTALL=0
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export LC_ALL TZ SYSTEMD_COLORS SYSTEMD_PAGER RUSTUP_AUTO_INSTALL PATH
newline='
'
blanks=$IFS chosen=$(echo $variables | tr ' ' '|') dead=$newline tried=' ' asked=''
nothing=/dev/null timeout='' patience='' uid=$(id -u) gid=$(id -g)
rustup=${RUSTUP_HOME:-${HOME:-}/.rustup}
exec 3>&1 4>&2
if (: >/dev/null) 2>&-; then exec 2>/dev/null; fi # processes come and go while they are looked at
[ -r /dev/null ] || nothing=/proc/version
if timeout 2 true; then timeout='timeout 2' patience='timeout 30'; fi
cd /
read -r self _ </proc/self/stat
questions=$(questions | sort -u)
[ "${1-}" != questions ] || { printf '%s\n' "$questions"; exit; }
answers
printf '\n%s end\n' "$mark" && exit
echo 'The output could not be written to its end: is the disk full?' >&4
exit 1
