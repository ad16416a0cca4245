# logger
logger -s -t tag message; echo $?
