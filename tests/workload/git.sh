# needs: git
# git: a repository made, committed to, branched, merged, cloned, packed, checked.
export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git config --global user.name T; git config --global user.email t@example.org; git config --global init.defaultBranch main
git init -q r; cd r || exit 1
for i in $(seq 60); do mkdir -p d$((i % 7)); seq $i 200 >d$((i % 7))/f$i; done
git add .; git commit -qm first; git log --oneline; git status --short
git checkout -qb side; echo more >>d1/f1; git commit -qam second; git checkout -q main; echo other >>d2/f2; git commit -qam third
git merge -q side -m merged; git log --oneline --graph | cat; git diff HEAD~1 --stat
git clone -q . ../c; cd ../c && git log --oneline | wc -l && git rev-parse HEAD
echo change >>d3/f3; git stash -q; git stash pop -q; git diff --stat; git commit -qam fourth; git push -q origin HEAD:new; git -C ../r branch
git gc -q; git fsck --full 2>&1; git grep -c 100 | wc -l; git blame d3/f3 | tail -1 | cut -c1-8 | wc -c; git archive HEAD | tar -t | wc -l
git rebase -q HEAD~1 && git cherry-pick --abort 2>&1; git bisect start -q HEAD HEAD~1 2>&1 | head -1; git worktree add -q ../w side2 -b side2 && ls ../w | wc -l
