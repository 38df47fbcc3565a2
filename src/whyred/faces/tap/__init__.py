"""The tap: a proxy between runners and a forge that changes nothing and hands over what `app/tap` keeps."""
