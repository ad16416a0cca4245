# crond crontab
crontab -c . -l 2>&1 | sed 's/user.*/user/'; mkdir spool; echo '* * * * * echo x' >jobs; crontab -c spool jobs; echo $?; crontab -c spool -l
