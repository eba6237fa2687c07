module dayjob.test/decode

go 1.21

require gopkg.in/mgo.v2 v2.0.0-20190816093944-a6b53ec6cb22
