# watch
(watch -n 1 -t echo seen & sleep 0.5; kill $!) | tr -d '\033' | grep -o seen | head -1
