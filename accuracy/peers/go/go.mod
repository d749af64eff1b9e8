module accuracy

go 1.25
