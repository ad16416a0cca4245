# w who last
who; w | wc -l; last 2>&1 | wc -l
