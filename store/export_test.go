package store

func init() { scanWindow, countWindow = 50, 100 }
