// One cluster at a time: two at once would only wait for each other on few cores.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
