# What whyred asks of a machine over ssh: fixed questions in POSIX sh, read from standard input by `sh -s`.
#
# Programs: cat, ls, readlink, uname, df; stat, od, grep and tail only where the first question found that they do
# their part. `create` alone writes. Every answer stands between lines that begin with $w_mark, a random word that is sent here and
# is in no argument and no environment, so neither a login message nor a hostile file can pretend to be one.
# The form of an answer is described and read in _frame.py; w_err is its last part, the error's text.

unset LANG LANGUAGE LC_CTYPE LC_MESSAGES LC_TIME LC_COLLATE LC_NUMERIC QUOTING_STYLE TIME_STYLE LS_COLORS GREP_OPTIONS
unset BLOCK_SIZE BLOCKSIZE LS_BLOCK_SIZE DF_BLOCK_SIZE POSIXLY_CORRECT
LC_ALL=C TZ=UTC0 SYSTEMD_COLORS=0 SYSTEMD_PAGER= RUSTUP_AUTO_INSTALL=0
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export LC_ALL TZ SYSTEMD_COLORS SYSTEMD_PAGER RUSTUP_AUTO_INSTALL PATH
cd /
exec 3<&0 4>&1

# w_ask NUMBER QUESTION [ARGUMENT...]
w_ask() {
  w_n=$1 w_q=$2 w_err= w_status=
  shift 2
  echo "
$w_mark $w_n <"
  "w_$w_q" "$@"
  w_code=$?
  echo "
$w_mark $w_n > $w_code $w_status"
  printf '%s' "$w_err"
  echo "
$w_mark $w_n ."
}

w_hello() {
  w_pid=$$ w_group=
  read -r w_pid w_comm w_state w_parent w_group w_rest </proc/self/stat
  echo "pid $w_pid"
  echo "boot $(cat /proc/sys/kernel/random/boot_id)"
  echo "machine $(cat /etc/machine-id)"
  echo "mounts $(readlink /proc/self/ns/mnt)"
  echo "stat $(stat -c '%f %h %u %g %s %d %i %Y %.9Y %Z %.9Z' -- /)"
  echo "space $(stat -f -c '%S %b %a %c %d' -- /)"
  echo "od $(case $(echo a | od -An -v -tx1) in *61*0a*) echo yes ;; esac)"
  echo "tail $([ "$(printf ab | tail -c +2)" = b ] && echo yes)"
  echo "name $(uname -n)"
  grep -aH '' "/proc/$w_pid/cmdline"
  return 0
} 2>/dev/null

w_ping() { :; }

# Why a path cannot be had: what ls says of it. With -L links are followed.
w_why() {
  w_err=$(ls "-ld$2" -- "$1" 2>&1 >/dev/null)
}

w_read() {
  if [ -f "$1" ]; then
    w_err=$(cat -- "$1" 2>&1 >&4)
  else
    w_why "$1" L || return 1
    w_err='not a regular file'
    return 1
  fi
}

# w_read_from PATH NUMBER: the file from its byte NUMBER on, counted from 1.
w_read_from() {
  if [ -f "$1" ]; then
    w_err=$(tail -c "+$2" -- "$1" 2>&1 >&4)
  else
    w_read "$1"
  fi
}

w_names() {
  if [ ! -d "$1" ]; then
    w_why "$1" L || return 1
    w_err='Not a directory'
    return 1
  fi
  w_some=
  for w_file in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    w_name=${w_file##*/}
    case $w_name in
      '*' | '.[!.]*' | '..?*') [ -e "$w_file" ] || [ -L "$w_file" ] || continue ;;
    esac
    w_some=yes
    printf '%s\000' "$w_name"
  done
  [ -n "$w_some" ] || w_err=$(ls -a -- "$1" 2>&1 >/dev/null)
}

w_link() {
  w_err=$(readlink -- "$1" 2>&1 >&4) && return 0
  w_why "$1" '' || return 1
  w_err='Invalid argument'
  return 1
}

# w_stat FOLLOW PATH: FOLLOW is L or nothing.
w_stat() {
  w_err=$(stat ${1:+-L} -c '%f %h %u %g %s %d %i %Y %.9Y %Z %.9Z' -- "$2" 2>&1 >&4)
}

w_stat_by_ls() {
  w_err=$(ls "-lidn$1" -- "$2" 2>&1 >&4)
}

# w_ahead PATH...: of each, behind a line end and the mark, its state and where it points, or `!` and the error's text.
w_ahead() {
  for w_path do
    printf '\n%s ' "$w_mark"
    if w_stat '' "$w_path"; then
      [ ! -L "$w_path" ] || readlink -- "$w_path" 2>/dev/null
    else
      echo '!'
      printf '%s' "$w_err"
    fi
  done
  w_err=
}

# w_space PATH MOUNTINFO
w_space() {
  w_err=$(stat -f -c '%S %b %a %c %d' -- "$1" 2>&1 >&4) || return 1
  cat -- "$2" 2>/dev/null
  return 0
}

# Bytes in units of 1024 and, where this df knows -i, inodes.
w_space_by_df() {
  w_err=$(df -Pk -- "$1" 2>&1 >&4) || return 1
  echo "$w_mark"
  df -Pi -- "$1" 2>/dev/null
  echo "$w_mark"
  cat -- "$2" 2>/dev/null
  return 0
}

# w_environ FILE KEY... (keys in hexadecimal): of every wanted variable `= KEY` and one line for each byte of its value.
# The environment goes through od because a NUL byte fits in no variable of sh; what was not asked for stays here.
w_environ() {
  w_bytes=$(od -An -v -tx1 -- "$1" 2>&1) || { w_err=$w_bytes; return 1; }
  shift
  w_at=key w_key=
  for w_byte in $w_bytes; do
    case $w_at$w_byte in
      key3d)
        w_at=other
        case " $* " in *" ${w_key:-none} "*) w_at=value; echo "= $w_key" ;; esac
        w_key= ;;
      key00) w_key= ;;
      key*) w_key=$w_key$w_byte; [ "${#w_key}" -le 512 ] || w_at=other ;;
      *00) w_at=key w_key= ;;
      value*) echo "$w_byte" ;;
    esac
  done
}

# One grep for all: every line it prints begins with the file's true name, so no command line can forge another's.
w_processes() {
  [ -d /proc ] || { w_why /proc L; return 1; }
  grep -aHs '^Uid:' /proc/[0-9]*/status
  for w_kind in stat cgroup cmdline; do
    grep -aHs '' /proc/[0-9]*/$w_kind
  done
  w_namespaces
} 2>/dev/null

w_processes_by_cat() {
  [ -d /proc ] || { w_why /proc L; return 1; }
  for w_folder in /proc/[0-9]*; do
    for w_kind in status stat cgroup cmdline; do
      echo "
$w_mark $w_folder/$w_kind"
      cat "$w_folder/$w_kind"
    done
  done
  w_namespaces
} 2>/dev/null

w_namespaces() {
  echo "
$w_mark -"
  ls -lnd /proc/[0-9]*/ns/mnt
  return 0
}

# Whether a process is there although /proc does not show it.
w_alive() {
  w_err=$(kill -0 "$1" 2>&1)
}

# w_run PROGRAM [ARGUMENT...]: the answer's code is 0 when it was started; w_status is how it ended. What it prints on
# standard error stands between marks there. When whyred hangs up, the guard ends the program and what it started.
w_run() {
  case $1 in
    */*) [ -e "$1" ] || { w_why "$1" L; return 1; }
      [ -f "$1" ] && [ -x "$1" ] || { w_err='Permission denied'; return 1; } ;;
    *) command -v "$1" >/dev/null || { w_err='no such program'; return 1; } ;;
  esac
  echo "
$w_mark $w_n <" >&2
  (: | (exec "$@" 3<&- 4>&-)) &
  w_child=$!
  [ "$w_group" = "$w_pid" ] && w_ended=0 || w_ended=$w_child
  (while read -r w_line; do :; done; kill -9 "$w_ended") <&3 >/dev/null 2>&1 &
  w_guard=$!
  wait "$w_child"
  w_status=$?
  echo "
$w_mark $w_n > 0

$w_mark $w_n ." >&2
  kill -9 "$w_guard"
  return 0
}

# The one question that writes.
w_create() {
  w_err=$(mkdir -m 700 -- "$1" 2>&1) && w_err=$(rmdir -- "$1" 2>&1)
}
