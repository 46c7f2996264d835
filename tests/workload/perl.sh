# needs: perl
# perl: fork, pipes, sockets, signals, sort, regular expressions, files.
perl -e '
use strict; use warnings; use POSIX qw(:sys_wait_h); use Fcntl ":flock"; use Socket; use IO::Select; use File::Temp;
my %h; $h{$_ % 97}++ for 1 .. 100000; print join(",", map { "$_=$h{$_}" } (sort { $a <=> $b } keys %h)[0 .. 4]), "\n";
pipe(my $r, my $w); my $pid = fork; if (!$pid) { close $r; print $w "from child $_\n" for 1 .. 3; exit 5 }
close $w; print while <$r>; waitpid $pid, 0; print "status ", $? >> 8, "\n";
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; select undef, undef, undef, 10; }; print "died: $@";
local $SIG{CHLD} = sub { while ((my $p = waitpid -1, WNOHANG) > 0) { print "reaped\n" } };
if (!fork) { exit 0 } my $end = time + 5; select undef, undef, undef, 0.1 for 1 .. 3;
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or print "socketpair: $!\n";
syswrite $a, "ping"; sysread $b, my $buf, 10; print "$buf\n";
open my $f, "+>", "file" or die; flock $f, LOCK_EX or print "flock $!\n"; print $f "x" x 10000; seek $f, 0, 0; print length(<$f>), "\n";
print `echo backticks`, system("exit 3") >> 8, "\n"; open my $p, "-|", "seq", "3"; print <$p>; close $p;
print "a1b22c333" =~ s/(\d+)/<$1>/gr, "\n"; my @s = stat "file"; print "$s[7] $s[3]\n"; opendir my $d, "."; print sort grep !/^\./, readdir $d; print "\n";
my $t = File::Temp->new; print -e $t->filename ? "temp\n" : "none\n"; utime 1, 2, "file"; print +(stat "file")[9], "\n"; rename "file", "g"; unlink "g"; print -e "g" ? 1 : 0, "\n"; kill 9, $$;
'; echo $?
