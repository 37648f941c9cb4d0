package store

func init() { scanWindow, countWindow = 50, 100 }

// LastDeleted is a query whose plan is tested.
const LastDeleted = lastDeleted
