namespace Gpt2Cluster.Exchange;
